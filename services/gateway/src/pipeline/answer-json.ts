import type { Outcome } from '@frontier/contracts/request';
import { variantOf, type Answer } from './answer.ts';
import { outputsJson } from './json-outputs.ts';

/** The `data` of a synchronous answer. Names, versions and ids need no escapes: their characters are checked. */
export function answerJson(answer: Answer): string {
  const { id, outcome, declared, outputs } = answer;
  return `{"id":"${id}",${originJson(outcome)},${outputsJson(declared, outputs)},${endJson(answer)}}`;
}

/** The `data` of a stream's last event, whose text the caller already has. */
export function streamEndJson(answer: Answer): string {
  return `{"id":"${answer.id}",${originJson(answer.outcome)},${endJson(answer)}}`;
}

export function originJson({ model, version }: Outcome): string {
  return `"model":"${model}","version":"${version}"`;
}

export function usageJson({ usage, finish }: Outcome): string {
  const tokens = `"usage":{"prompt_tokens":${usage?.prompt_tokens ?? 0},"completion_tokens":${usage?.completion_tokens ?? 0}}`;
  return finish ? `${tokens},"finish_reason":"${finish}"` : tokens;
}

function endJson({ outcome, latencyMs }: Answer): string {
  return `${usageJson(outcome)},"latency_ms":${round(latencyMs)},"variant":"${variantOf(outcome)}","status":"completed"`;
}

/** Hundredths of a millisecond: what is finer is noise. */
function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}
