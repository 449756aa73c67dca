import { collectDefaultMetrics, Registry, type PrometheusContentType } from 'prom-client';

/**
 * Bounds of latency histograms, seconds. About 1.1× apart around the objectives (p95 0.12 s on GPU, 0.3 s on
 * CPU), since coarse buckets would hide a regression of 20 % there; coarser outside.
 */
export const latencyBuckets: number[] = [
  0.001, 0.0025, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.11, 0.12, 0.132, 0.145, 0.16,
  0.175, 0.19, 0.21, 0.23, 0.25, 0.275, 0.3, 0.33, 0.4, 0.5, 0.75, 1, 1.5, 2.5, 5, 10, 30, 60,
];

/** `count` bounds from `start` on, each `factor` times the former, rounded to three digits. */
export function exponential(start: number, factor: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => Number((start * factor ** i).toPrecision(3)));
}

/** The registry of one service, in the OpenMetrics format (exemplars need it), with the process metrics in it. */
export function createMetrics(service: string): Registry {
  const registry = new Registry();
  // prom-client repeats the format in the type of every metric; only this line and the answer's header care.
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as string as PrometheusContentType);
  registry.setDefaultLabels({ service });
  collectDefaultMetrics({ register: registry });
  return registry;
}
