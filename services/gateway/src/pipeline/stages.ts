import type { GatewayMetrics } from '../metrics.ts';
import type { Answer } from './answer.ts';
import type { Accepted } from './call.ts';

/** Counts a completed request: its latency, and where its time went. */
export function observeAnswer(metrics: GatewayMetrics, accepted: Accepted, answer: Answer): void {
  const { request, context, admitted } = accepted;
  const { outcome, latencyMs } = answer;
  metrics.inferenceSeconds.of(outcome.model, outcome.version, request.pool).observe(latencyMs / 1000);
  if (outcome.usage) {
    metrics.tokens.of(outcome.model, 'prompt').value += outcome.usage.prompt_tokens;
    metrics.tokens.of(outcome.model, 'completion').value += outcome.usage.completion_tokens;
  }
  const { timing } = outcome;
  if (!timing) return;
  const stages = metrics.stageSeconds;
  const admissionMs = admitted - context.received;
  const elsewhereMs = timing.queue + timing.forming + timing.transport + timing.compute;
  stages.admission.observe(admissionMs / 1000);
  stages.queue.observe(timing.queue / 1000);
  stages.forming.observe(timing.forming / 1000);
  stages.transport.observe(timing.transport / 1000);
  stages.compute.observe(timing.compute / 1000);
  // What remains; below 0 when the request was fetched before its acknowledgement was read.
  stages.reply.observe(Math.max(latencyMs - admissionMs - elsewhereMs, 0) / 1000);
}
