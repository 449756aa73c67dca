import type { ShadowReport } from '@frontier/contracts/traffic';
import { quantile } from './canary/quantile.ts';

export interface ShadowNeeds {
  /** Compared calls without which it says nothing. */
  minCalls: number;
  /** Measured elsewhere; undefined: was not. */
  driftDetectionRate?: number | undefined;
  /** Of the buckets of its histograms, ascending, seconds. */
  bounds: readonly number[];
}

/**
 * What a shadow has found, as the evidence of a gate: `metrics` are compared with the accepted KPIs there. A call that
 * the candidate did not answer counts as one that differs; those that were not run, or that stable did not answer
 * either, say nothing.
 */
export function shadowEvidence({ results, latency }: ShadowReport, needs: ShadowNeeds) {
  const calls = results.same + results.different + results.failed;
  const stable = p95(needs.bounds, latency.stable);
  const candidate = p95(needs.bounds, latency.candidate);
  return {
    schema: 'frontier.shadow/v1',
    passed: calls >= needs.minCalls,
    calls,
    minCalls: needs.minCalls,
    results,
    metrics: {
      ...(calls > 0 && { output_match_part: results.same / calls }),
      ...(stable > 0 && { p95_latency_ratio: candidate / stable, p95_ms: 1_000 * candidate, p95_stable_ms: 1_000 * stable }), // prettier-ignore
      ...(needs.driftDetectionRate !== undefined && { drift_detection_rate: needs.driftDetectionRate }),
    },
  };
}

/** Seconds; 0: nothing was measured. */
function p95(bounds: readonly number[], counts: Record<string, number>): number {
  let sum = 0;
  const cumulative = [...bounds.map(String), '+Inf'].map((bound) => (sum += counts[bound] ?? 0));
  return quantile(bounds, cumulative, 0.95).value;
}
