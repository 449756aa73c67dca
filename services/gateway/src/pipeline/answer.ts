import { AppError, fromWireError } from '@frontier/contracts/errors';
import type { TensorSpec } from '@frontier/contracts/model-spec';
import type { Outcome, Settled } from '@frontier/contracts/request';
import { decodeTensors, type Tensor } from '@frontier/contracts/tensor';
import type { Variant } from '@frontier/contracts/traffic';

/** A completed inference, as every transport renders it. */
export interface Answer {
  id: string;
  outcome: Outcome;
  outputs: Tensor[];
  /** The outputs as the model declares them; empty when the version has been removed since. */
  declared: readonly TensorSpec[];
  latencyMs: number;
}

/** The side of a rollout that a call was given. */
export function variantOf({ variant }: Outcome): Variant {
  return variant ?? 'stable';
}

export function tensorsIn(outputs: Uint8Array): Tensor[] {
  return outputs.length === 0 ? [] : decodeTensors(outputs);
}

/** The error that a request ended with, with its id in the details. */
export function errorOf(id: string, outcome: Outcome): AppError {
  const wire = outcome.error ?? { code: 'INTERNAL_ERROR', message: `the request ended as ${outcome.status}` };
  const { code, message, details, retryAfterS } = fromWireError(wire);
  return new AppError(code, message, { details: { ...details, id }, retryAfterS });
}

/** What a terminal record says to who asked at `received` (`performance.now()`). Throws the error in it. */
export function answerOf(
  id: string,
  { outcome, outputs }: Settled,
  declared: readonly TensorSpec[],
  received: number,
): Answer {
  if (outcome.status !== 'completed') throw errorOf(id, outcome);
  return { id, outcome, outputs: tensorsIn(outputs), declared, latencyMs: performance.now() - received };
}
