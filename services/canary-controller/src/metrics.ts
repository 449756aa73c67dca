import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Decision } from '@frontier/contracts/rollout';

export type ControllerMetrics = ReturnType<typeof controllerMetrics>;

export function controllerMetrics(registry: Registry) {
  const registers = [registry];
  const labelNames = ['model', 'family'];
  return {
    leading: new Gauge({ name: 'canary_controller_leading', help: 'Whether this process controls rollouts', registers }), // prettier-ignore
    decisions: new Counter({ name: 'canary_decisions_total', help: 'Decisions about rollouts', labelNames: ['model', 'verdict'], registers }), // prettier-ignore
    faults: new Counter({ name: 'canary_scrape_faults_total', help: 'Scrapes that gave nothing to decide on', labelNames: ['model', 'reason'], registers }), // prettier-ignore
    share: new Gauge({ name: 'canary_share', help: 'Part of the traffic that the canary was given, 0 to 1', labelNames: ['model'], registers }), // prettier-ignore
    evidence: new Gauge({ name: 'canary_evidence', help: 'e-value against the canary; 400 is needed for a rollback', labelNames, registers }), // prettier-ignore
    safety: new Gauge({ name: 'canary_evidence_not_worse', help: 'e-value for the canary not being worse', labelNames, registers }), // prettier-ignore
    p95: new Gauge({ name: 'canary_p95_seconds', help: 'Estimated 95th percentile of each side', labelNames: ['model', 'variant'], registers }), // prettier-ignore
    alarms: new Gauge({ name: 'canary_alarms', help: 'Alarms that a running rollout raises now', labelNames: ['model'], registers }), // prettier-ignore
    drift: new Gauge({ name: 'canary_drift_alarms', help: 'Features of the two versions of a running rollout whose drift alarm is on', labelNames: ['model'], registers }), // prettier-ignore
    failures: new Counter({ name: 'canary_effect_failures_total', help: 'Failed attempts to do what was decided; tried again', labelNames: ['model', 'effect'], registers }), // prettier-ignore
    confirmed: new Histogram({ name: 'canary_traffic_confirm_seconds', help: 'From writing a traffic record until every gateway obeys it', buckets: [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2], registers }), // prettier-ignore
  };
}

/** Shows a decision. */
export function show(
  metrics: ControllerMetrics,
  model: string,
  { verdict, share, alarms, evidence }: Decision,
): void {
  // prettier-ignore
  metrics.decisions.inc({ model, verdict });
  metrics.share.set({ model }, share / 10_000);
  metrics.alarms.set({ model }, alarms.length);
  const against = { errors: evidence.eErrors, latency: evidence.eLatency, objective_errors: evidence.eObjectiveErrors, objective_latency: evidence.eObjectiveLatency, sample_ratio: evidence.eSampleRatio, halves: evidence.eHalves }; // prettier-ignore
  for (const [family, value] of Object.entries(against)) metrics.evidence.set({ model, family }, value);
  metrics.safety.set({ model, family: 'errors' }, evidence.eNonInferiorErrors);
  metrics.safety.set({ model, family: 'latency' }, evidence.eNonInferiorLatency);
  metrics.p95.set({ model, variant: 'control' }, evidence.p95.control / 1000);
  metrics.p95.set({ model, variant: 'canary' }, evidence.p95.canary / 1000);
}

/** A rollout that has ended shows nothing any more. */
export function forget(metrics: ControllerMetrics, model: string): void {
  metrics.share.remove({ model });
  metrics.alarms.remove({ model });
  metrics.drift.remove({ model });
  for (const gauge of [metrics.evidence, metrics.safety]) {
    for (const family of ['errors', 'latency', 'objective_errors', 'objective_latency', 'sample_ratio', 'halves']) gauge.remove({ model, family }); // prettier-ignore
  }
  for (const variant of ['control', 'canary']) metrics.p95.remove({ model, variant });
}
