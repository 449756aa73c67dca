import { z } from 'zod';
import type { WireError } from './errors.ts';
import type { Pool, Priority } from './queue.ts';
import type { Variant } from './traffic.ts';

/** Sampling of a generation, as callers give it; the model's own limits are applied on top. */
export const generationParamsSchema = z.strictObject({
  /** 0: greedy. */
  temperature: z.number().min(0).max(2).optional(),
  top_k: z.int().min(0).max(100_000).optional(),
  top_p: z.number().gt(0).max(1).optional(),
  seed: z.int().min(0).max(0xffff_ffff).optional(),
  max_new_tokens: z.int().min(1).max(100_000).optional(),
  stop: z.union([z.string().min(1).max(256).transform((s) => [s]), z.array(z.string().min(1).max(256)).max(8)]).optional(), // prettier-ignore
});

export type GenerationParams = z.output<typeof generationParamsSchema>;

/** How a caller waits. It decides what a lost client means and how long a result is kept. */
export type Mode = 'sync' | 'stream' | 'job';

/** The side of a rollout that a request was given; absent: stable. */
export type AssignedVariant = Exclude<Variant, 'stable'>;

/** A validated request on its way into a queue. */
export interface NewRequest {
  id: string;
  tenant: string;
  model: string;
  version: string;
  priority: Priority;
  pool: Pool;
  mode: Mode;
  /** Milliseconds from now until the caller has its answer or a `timeout`. */
  timeoutMs: number;
  /** Inputs in the form of `encodeTensors`. */
  payload: Uint8Array;
  params?: GenerationParams | undefined;
  traceparent?: string | undefined;
  variant?: AssignedVariant | undefined;
  /** With it, the same key and body of a tenant give the same answer without a second execution. */
  idempotency?: { key: string; bodyHash: string } | undefined;
  /** The dead letter that this is another chance of. */
  redriveOf?: string | undefined;
  /** How many chances there were since the first call. */
  redrives?: number | undefined;
}

/** An execution that failed. */
export interface FailedAttempt {
  /** Unix ms. */
  at: number;
  error: WireError;
}

/** One request inside a bundle job: the JSON that lies in Redis. */
export interface BundledRequest {
  id: string;
  epoch: number;
  tenant: string;
  model: string;
  version: string;
  mode: Mode;
  /** Milliseconds from its admission to its deadline, which its record has. */
  timeoutMs: number;
  params?: GenerationParams | undefined;
  trace?: string | undefined;
  /** base64 of the payload, when small; else it lies under the request's payload key. */
  inline?: string | undefined;
  variant?: AssignedVariant | undefined;
  /** Executions that ended in an error of its own. */
  failures?: FailedAttempt[] | undefined;
  redriveOf?: string | undefined;
  redrives?: number | undefined;
}

/** The data of one BullMQ job: requests of one shard and model that arrived together. */
export interface Bundle {
  v: 1;
  gateway: string;
  requests: BundledRequest[];
}

export interface Usage {
  prompt_tokens: number;
  completion_tokens: number;
}

/** Where a request's time went, milliseconds. */
export interface Timing {
  queue: number;
  forming: number;
  transport: number;
  compute: number;
}

/** The one terminal record of a request, as it lies in Redis and in replies, in front of its tensors. */
export interface Outcome {
  status: 'completed' | 'failed' | 'timeout' | 'cancelled';
  model: string;
  /** The version that ran, which a rollout that ended may have changed since the call was accepted. */
  version: string;
  /** As it was assigned, whatever ran. */
  variant?: AssignedVariant | undefined;
  /** Executions that ended in an error of its own before this one; absent: none. */
  failures?: number | undefined;
  usage?: Usage | undefined;
  finish?: 'stop' | 'length' | undefined;
  error?: WireError | undefined;
  timing?: Timing | undefined;
}

/** An outcome with its output tensors in the form of `encodeTensors` (empty when there are none). */
export interface Settled {
  outcome: Outcome;
  outputs: Uint8Array;
}

/** u32 length of the JSON outcome, the outcome, the encoded outputs. */
export function encodeSettled({ outcome, outputs }: Settled): Buffer {
  const header = JSON.stringify(outcome);
  const headerBytes = Buffer.byteLength(header);
  const out = Buffer.allocUnsafe(4 + headerBytes + outputs.length);
  out.writeUInt32LE(headerBytes, 0);
  out.write(header, 4);
  out.set(outputs, 4 + headerBytes);
  return out;
}

export function decodeSettled(bytes: Uint8Array): Settled {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = 4 + buffer.readUInt32LE(0);
  return { outcome: JSON.parse(buffer.toString('utf8', 4, end)) as Outcome, outputs: bytes.subarray(end) };
}

/** A piece of a generated text. `offset` counts tokens from the start of the answer. */
export interface TokenChunk {
  id: string;
  epoch: number;
  offset: number;
  /** The ids of the tokens; a re-run prefills them. */
  tokens: number[];
  text: string;
}
