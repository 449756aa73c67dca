import { exponential, latencyBuckets } from '@frontier/kit/metrics';
import { Gauge, type Registry } from 'prom-client';
import { LocalCounter, LocalHistogram, type Distribution } from './local-metrics.ts';

export const STAGES = ['admission', 'queue', 'forming', 'transport', 'compute', 'reply'] as const;
export type Stage = (typeof STAGES)[number];

/** What the gateway tells Prometheus. Label values in the order of the label names. */
export interface GatewayMetrics {
  /** By route, method and status. */
  httpRequests: LocalCounter;
  /** By route and method. */
  httpSeconds: LocalHistogram;
  /** By method and status. */
  grpcRequests: LocalCounter;
  /** By method. */
  grpcSeconds: LocalHistogram;
  /** Where the time of an answered request went; the stages add up to its latency. */
  stageSeconds: Record<Stage, Distribution>;
  /** By model, version and pool. */
  inferenceSeconds: LocalHistogram;
  /** By model and kind: prompt or completion. */
  tokens: LocalCounter;
  /** What is open now; read when Prometheus asks. */
  open: { requests: number; streams: number };
}

export function gatewayMetrics(registry: Registry): GatewayMetrics {
  const counter = (name: string, help: string, ...labelNames: string[]) =>
    new LocalCounter(registry, { name, help, labelNames });
  const histogram = (name: string, help: string, bounds: readonly number[], ...labelNames: string[]) =>
    new LocalHistogram(registry, { name, help, labelNames, bounds });
  const stages = histogram(
    'request_stage_seconds',
    'Time that answered requests spent in each stage',
    exponential(0.0001, 1.8, 24),
    'stage',
  );
  return {
    httpRequests: counter(
      'http_requests_total',
      'HTTP requests by route, method and status',
      'route',
      'method',
      'code',
    ),
    httpSeconds: histogram('http_request_seconds', 'From the head of an HTTP request to the end of its answer', latencyBuckets, 'route', 'method'), // prettier-ignore
    grpcRequests: counter('grpc_requests_total', 'gRPC calls by method and status', 'method', 'code'),
    grpcSeconds: histogram(
      'grpc_request_seconds',
      'From the start of a gRPC call to its end',
      latencyBuckets,
      'method',
    ),
    stageSeconds: Object.fromEntries(
      STAGES.map((stage) => [stage, stages.of(stage)]),
    ) as GatewayMetrics['stageSeconds'],
    inferenceSeconds: histogram('inference_latency_seconds', 'From arrival to answer of completed inferences', latencyBuckets, 'model', 'version', 'pool'), // prettier-ignore
    tokens: counter('tokens_total', 'Tokens of answered generations', 'model', 'kind'),
    open: openGauges(registry),
  };
}

function openGauges(registry: Registry): GatewayMetrics['open'] {
  const open = { requests: 0, streams: 0 };
  const gauge = (name: string, help: string, value: () => number) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(value());
      },
    });
  gauge('requests_in_flight', 'Callers that wait for an answer', () => open.requests);
  gauge('streams_open', 'Token streams that are being read', () => open.streams);
  return open;
}
