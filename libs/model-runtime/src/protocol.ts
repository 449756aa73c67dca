import type { WireError } from '@frontier/contracts/errors';
import type { Tensor } from '@frontier/contracts/tensor';
import type { StoredModel } from '@frontier/model-store/repository';

/*
 * What the main thread and a model's thread say to each other.
 */

export const PROVIDERS = ['cuda', 'tensorrt', 'webgpu', 'cpu'] as const;
export type Provider = (typeof PROVIDERS)[number];

/** Given to a thread at its birth. */
export interface ThreadData {
  model: StoredModel;
  /** In order of preference; the last resort is always `cpu`. */
  providers: readonly Provider[];
}

/** An execution provider that was asked for and could not be had. */
export interface Fallback {
  provider: Provider;
  reason: string;
}

/** The first message of a thread: its model is loaded and warm. */
export interface Ready {
  type: 'ready';
  /** What the graph really runs on. */
  provider: Provider;
  fallbacks: Fallback[];
  loadSeconds: number;
}

/** The thread finishes what it was sent before, then ends. */
export interface CloseMessage {
  type: 'close';
}

/** One execution. Row r of all tensors belongs together. */
export interface RunMessage {
  type: 'run';
  id: number;
  rows: number;
  tensors: Tensor[];
  /** When the worker got it, by {@link nowUs}. */
  receivedUs: number;
}

export interface BatchOutcome {
  tensors: Tensor[];
  /** Rows of input that failed alone, with the reason; their rows of output mean nothing. */
  rowErrors: [row: number, error: WireError][];
  /** Rows of output of each row of input, where that is not one. */
  outputRows?: number[] | undefined;
  computeUs: number;
  /** From the worker's receipt to the start of the execution. */
  waitUs: number;
}

export type RunAnswer =
  ({ type: 'done'; id: number } & BatchOutcome) | { type: 'failed'; id: number; error: WireError };

export interface Sampling {
  /** 0: greedy. */
  temperature: number;
  /** 0: all tokens. */
  topK: number;
  /** 1: all tokens. */
  topP: number;
  /** With the same seed, a prompt gives the same answer. */
  seed: number;
  maxNewTokens: number;
  stop: string[];
}

export interface GenerationJob {
  prompt: string;
  /** Tokens of the answer that an earlier run made: prefilled, counted, not given again. */
  resume: readonly number[];
  sampling: Sampling;
  /** The sequence ends with TIMEOUT after this time, ms. */
  timeoutMs: number;
}

export type GenerationMessage =
  ({ type: 'generate'; key: number } & GenerationJob) | { type: 'cancel'; key: number };

export interface GenerationEnd {
  reason: 'stop' | 'length' | 'cancelled';
  promptTokens: number;
  completionTokens: number;
  /** This sequence's share of the steps that it took part in. */
  computeUs: number;
  /** The whole text of the answer, what `resume` stands for included. */
  text: string;
  error?: WireError | undefined;
}

export interface GeneratedChunk {
  /** Tokens of the answer before these. */
  offset: number;
  tokens: number[];
  /** The text of exactly these tokens; those of half a character or of what may be a stop string wait. */
  text: string;
  /** In the last chunk of a sequence only. */
  end?: GenerationEnd | undefined;
}

/** All that one step made, in one message. */
export interface ChunksMessage {
  type: 'chunks';
  chunks: [key: number, chunk: GeneratedChunk][];
  /** Sequences that hold a slot. */
  busySlots: number;
  /** Rows of decode steps, since the last message, that belonged to no sequence: a step has the shape of all slots. */
  idleRows: number;
}

/** A clock that all threads of a process share, microseconds. */
export function nowUs(): number {
  return Number(process.hrtime.bigint() / 1000n);
}
