import { exponential, latencyBuckets } from '@frontier/kit/metrics';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

export const STAGES = ['admission', 'queue', 'forming', 'transport', 'compute', 'reply'] as const;
export type Stage = (typeof STAGES)[number];

/** What the gateway tells Prometheus. */
export interface GatewayMetrics {
  httpRequests: Counter<'route' | 'method' | 'code'>;
  httpSeconds: Histogram<'route' | 'method'>;
  grpcRequests: Counter<'method' | 'code'>;
  grpcSeconds: Histogram<'method'>;
  /** Where the time of an answered request went; the stages add up to its latency. */
  stageSeconds: Record<Stage, Histogram.Internal<'stage'>>;
  inferenceSeconds: Histogram<'model' | 'version' | 'pool'>;
  inFlight: Gauge;
  streams: Gauge;
  tokens: Counter<'model' | 'kind'>;
}

export function gatewayMetrics(registry: Registry): GatewayMetrics {
  const registers = [registry];
  const stages = new Histogram({
    name: 'request_stage_seconds',
    help: 'Time that answered requests spent in each stage',
    labelNames: ['stage'],
    buckets: exponential(0.0001, 1.8, 24),
    registers,
  });
  return {
    httpRequests: new Counter({
      name: 'http_requests_total',
      help: 'HTTP requests by route, method and status',
      labelNames: ['route', 'method', 'code'],
      registers,
    }),
    httpSeconds: new Histogram({
      name: 'http_request_seconds',
      help: 'From the head of an HTTP request to the end of its answer',
      labelNames: ['route', 'method'],
      buckets: latencyBuckets,
      registers,
    }),
    grpcRequests: new Counter({
      name: 'grpc_requests_total',
      help: 'gRPC calls by method and status',
      labelNames: ['method', 'code'],
      registers,
    }),
    grpcSeconds: new Histogram({
      name: 'grpc_request_seconds',
      help: 'From the start of a gRPC call to its end',
      labelNames: ['method'],
      buckets: latencyBuckets,
      registers,
    }),
    stageSeconds: Object.fromEntries(STAGES.map((stage) => [stage, stages.labels({ stage })])) as GatewayMetrics['stageSeconds'], // prettier-ignore
    inferenceSeconds: new Histogram({
      name: 'inference_latency_seconds',
      help: 'From arrival to answer of completed inferences',
      labelNames: ['model', 'version', 'pool'],
      buckets: latencyBuckets,
      registers,
    }),
    inFlight: new Gauge({ name: 'requests_in_flight', help: 'Callers that wait for an answer', registers }),
    streams: new Gauge({ name: 'streams_open', help: 'Token streams that are being read', registers }),
    tokens: new Counter({
      name: 'tokens_total',
      help: 'Tokens of answered generations',
      labelNames: ['model', 'kind'],
      registers,
    }),
  };
}
