import { exponential, latencyBuckets } from '@frontier/kit/metrics';
import { Gauge, type Registry } from 'prom-client';
import { LocalCounter, LocalHistogram } from '../local-metrics.ts';
import { SideMetrics } from './side-metrics.ts';

/** What rollouts, experiments and shadows tell Prometheus. Only models that have one have any series. */
export interface TrafficMetrics {
  /** By model, rollout, variant, half, priority and pool. */
  canary: SideMetrics;
  /** By model, experiment and arm. */
  experiment: SideMetrics;
  epoch: Gauge<'model'>;
  /** By model and version: calls that stable answered because this gateway does not have their version. */
  unroutable: LocalCounter;
  /** By model, version and result. */
  shadowRequests: LocalCounter;
  /** By model and version. */
  shadowDifference: LocalHistogram;
  /** By model, version and side. */
  shadowLatency: LocalHistogram;
}

export function trafficMetrics(registry: Registry): TrafficMetrics {
  return {
    canary: new SideMetrics(registry, 'canary', ['model', 'rollout', 'variant', 'half', 'priority', 'pool']),
    experiment: new SideMetrics(registry, 'experiment', ['model', 'experiment', 'arm']),
    epoch: new Gauge({
      name: 'canary_traffic_epoch',
      help: 'Of the traffic record that this gateway obeys',
      labelNames: ['model'],
      registers: [registry],
    }),
    unroutable: new LocalCounter(registry, {
      name: 'canary_unroutable_total',
      help: 'Calls that stable answered because this gateway does not have the version they were meant for',
      labelNames: ['model', 'version'],
    }),
    shadowRequests: new LocalCounter(registry, {
      name: 'shadow_requests_total',
      help: 'Mirrored calls by what became of them',
      labelNames: ['model', 'version', 'result'],
    }),
    shadowDifference: new LocalHistogram(registry, {
      name: 'shadow_difference',
      help: 'How far the answers of a shadow are from those of stable; 0: equal, 1: nothing in common',
      labelNames: ['model', 'version'],
      bounds: differenceBuckets,
    }),
    shadowLatency: new LocalHistogram(registry, {
      name: 'shadow_latency_seconds',
      help: 'Execution of mirrored calls, on both sides',
      labelNames: ['model', 'version', 'side'],
      bounds: latencyBuckets,
    }),
  };
}

/** The first is for answers that are equal to the bit. */
const differenceBuckets = [0, ...exponential(0.0001, Math.sqrt(10), 9)];
