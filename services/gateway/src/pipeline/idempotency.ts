import { createHash } from 'node:crypto';
import type { GenerationParams } from '@frontier/contracts/request';
import type { InferenceCall } from './call.ts';
import { invalid } from './invalid.ts';

const KEY = /^[\x21-\x7e]{1,255}$/;

/** Throws INVALID_INPUT unless it is 1 to 255 visible ASCII characters. */
export function checkIdempotencyKey(key: string): void {
  if (!KEY.test(key)) {
    throw invalid('Idempotency-Key: 1 to 255 visible ASCII characters', { field: 'Idempotency-Key' });
  }
}

/**
 * What makes two requests of one key the same: how they are answered, model, inputs, params, priority. Not the
 * deadline: a retry has less time left than its first attempt.
 */
export function bodyHash(
  call: InferenceCall,
  payload: Uint8Array,
  params: GenerationParams | undefined,
): string {
  const header = JSON.stringify([call.mode, call.model, call.version ?? '', call.priority, sorted(params)]);
  return createHash('sha256').update(header).update('\n').update(payload).digest('hex');
}

function sorted(params: object | undefined): unknown {
  return params && Object.entries(params).sort(([a], [b]) => (a < b ? -1 : 1));
}
