import { AppError, toWireError } from '@frontier/contracts/errors';
import { failpoint } from '@frontier/kit/failpoint';
import type { RunningGeneration } from '@frontier/model-runtime/generation-model';
import type { GeneratedChunk, GenerationEnd, GenerationJob } from '@frontier/model-runtime/protocol';
import type { Generation__Output } from '@frontier/rpc/gen/dispatch/v1/Generation';
import type { GenerationEnd as EndMessage } from '@frontier/rpc/gen/dispatch/v1/GenerationEnd';
import type { TokenChunk } from '@frontier/rpc/gen/dispatch/v1/TokenChunk';
import { errorMessage } from './batches.ts';
import { Receipt, type WorkContext } from './receipt.ts';

/** The sequences of one stream. */
export class Sequences {
  readonly #context: WorkContext;
  readonly #send: (chunk: TokenChunk) => void;
  /** By request id: an old epoch and its re-run may both be here for a moment. */
  readonly #running = new Map<Receipt, { id: string; generation: RunningGeneration }>();

  constructor(context: WorkContext, send: (chunk: TokenChunk) => void) {
    this.#context = context;
    this.#send = send;
  }

  get size(): number {
    return this.#running.size;
  }

  /** The last chunk comes in any case; it carries the error when there was one. */
  start(message: Generation__Output): void {
    const { id = '', epoch = 0 } = message.item ?? {};
    const receipt = new Receipt(this.#context, message, 'worker.generate');
    let first = true;
    const onChunk = (chunk: GeneratedChunk): void => {
      if (first && chunk.tokens.length > 0) {
        first = false;
        receipt.record(({ firstToken }, labels) =>
          firstToken.observe(labels, (performance.now() - receipt.at) / 1000),
        );
      }
      if (chunk.end) void failpoint('worker.execute.after', id);
      this.#send(chunkMessage(id, epoch, chunk));
      if (chunk.end) this.#end(receipt, chunk.end, message.resume.length);
    };
    try {
      void failpoint('worker.execute.before', id);
      const generation = receipt.model('generation').start(jobOf(message), onChunk);
      this.#running.set(receipt, { id, generation });
    } catch (thrown) {
      onChunk(refusal(message, AppError.from(thrown)));
    }
  }

  cancel(ids: readonly string[]): void {
    for (const { id, generation } of this.#running.values()) if (ids.includes(id)) generation.cancel();
  }

  close(): void {
    for (const { generation } of this.#running.values()) generation.cancel();
  }

  #end(receipt: Receipt, end: GenerationEnd, resumed: number): void {
    this.#running.delete(receipt);
    receipt.record(({ tokens }, labels) => {
      tokens.inc({ ...labels, kind: 'prompt' }, end.promptTokens);
      tokens.inc({ ...labels, kind: 'completion' }, Math.max(end.completionTokens - resumed, 0));
    });
    receipt.end(end.error?.code);
  }
}

function jobOf({ prompt, resume, sampling, timeout_ms }: Generation__Output): GenerationJob {
  if (!sampling) throw new AppError('INVALID_INPUT', 'a generation without sampling parameters');
  const { temperature, top_k, top_p, seed, max_new_tokens, stop } = sampling;
  return {
    prompt,
    resume,
    timeoutMs: timeout_ms,
    sampling: { temperature, topK: top_k, topP: top_p, seed, maxNewTokens: max_new_tokens, stop },
  };
}

function refusal({ resume }: Generation__Output, error: AppError): GeneratedChunk {
  const usage = { promptTokens: 0, completionTokens: resume.length, computeUs: 0 };
  const end = { reason: 'cancelled' as const, ...usage, text: '', error: toWireError(error) };
  return { offset: resume.length, tokens: [], text: '', end };
}

function chunkMessage(id: string, epoch: number, { offset, tokens, text, end }: GeneratedChunk): TokenChunk {
  const chunk = { id, epoch, offset, tokens, text };
  return end ? { ...chunk, end: endMessage(end) } : chunk;
}

function endMessage({
  reason,
  promptTokens,
  completionTokens,
  computeUs,
  text,
  error,
}: GenerationEnd): EndMessage {
  const end = {
    reason,
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    compute_us: computeUs,
    text,
  };
  return error ? { ...end, error: errorMessage(error) } : end;
}
