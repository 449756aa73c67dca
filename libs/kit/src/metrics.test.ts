import { Counter } from 'prom-client';
import { createMetrics, exponential, latencyBuckets } from './metrics.ts';

test('a registry has process metrics and the label of its service', async () => {
  const registry = createMetrics('gateway');
  new Counter({ name: 'things_total', help: 'Things', registers: [registry] }).inc();
  const text = await registry.metrics();
  expect(text).toContain('things_total{service="gateway"} 1');
  expect(text).toMatch(/nodejs_eventloop_lag_seconds\{service="gateway"\}/);
  expect(text.trimEnd()).toMatch(/# EOF$/);
});

test('latency bounds grow, hold the objectives and are fine around them', () => {
  expect(latencyBuckets).toEqual([...latencyBuckets].toSorted((a, b) => a - b));
  expect(latencyBuckets).toEqual(expect.arrayContaining([0.05, 0.12, 0.3]));
  const fine = latencyBuckets.filter((bound) => bound >= 0.11 && bound <= 0.33);
  fine.slice(1).forEach((bound, i) => expect(bound / (fine[i] ?? 0)).toBeLessThan(1.12));
});

test('exponential bounds', () => {
  expect(exponential(1, 2, 5)).toEqual([1, 2, 4, 8, 16]);
  expect(exponential(0.001, 3, 3)).toEqual([0.001, 0.003, 0.009]);
});
