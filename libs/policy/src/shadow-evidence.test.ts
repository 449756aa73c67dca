import type { ShadowReport } from '@frontier/contracts/traffic';
import { shadowEvidence } from './shadow-evidence.ts';

const bounds = [0.01, 0.02, 0.04];
const found = (extra: Partial<ShadowReport>): ShadowReport => ({
  results: { same: 0, different: 0, failed: 0, shed: 0, unpaired: 0 },
  difference: {},
  latency: { stable: {}, candidate: {} },
  ...extra,
});

it('counts what the candidate did not answer as different, and leaves out what says nothing', () => {
  const results = { same: 90, different: 6, failed: 4, shed: 500, unpaired: 500 };
  expect(shadowEvidence(found({ results }), { minCalls: 100, bounds })).toMatchObject({
    passed: true,
    calls: 100,
    metrics: { output_match_part: 0.9 },
  });
  expect(shadowEvidence(found({ results }), { minCalls: 101, bounds }).passed).toBe(false);
});

it('compares the 95th percentiles of execution', () => {
  const latency = { stable: { '0.01': 100 }, candidate: { '0.01': 90, '0.02': 10 } };
  const { metrics } = shadowEvidence(found({ latency }), { minCalls: 1, bounds });
  // Half of the slower bucket, against 95 % of the faster one.
  expect(metrics.p95_latency_ratio).toBeCloseTo(0.015 / 0.0095, 10);
  const over = { stable: { '0.01': 100 }, candidate: { '+Inf': 100 } };
  expect(shadowEvidence(found({ latency: over }), { minCalls: 1, bounds }).metrics.p95_ms).toBe(40);
});

it('says nothing about what was not measured', () => {
  expect(shadowEvidence(found({}), { minCalls: 1, bounds })).toMatchObject({ passed: false, metrics: {} });
  expect(shadowEvidence(found({}), { minCalls: 1, bounds }).metrics).toEqual({});
  expect(shadowEvidence(found({}), { minCalls: 1, bounds, driftDetectionRate: 0.97 }).metrics).toEqual({
    drift_detection_rate: 0.97,
  });
});
