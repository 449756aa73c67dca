import { AppError } from '@frontier/contracts/errors';
import type { InferenceQueue, TokenRelay } from '@frontier/contracts/ports';
import type { Settled } from '@frontier/contracts/request';
import type { Catalogue } from '@frontier/model-store/catalogue';
import { answerOf, type Answer } from '../pipeline/answer.ts';
import type { CallContext, Prepared } from '../pipeline/call.ts';
import { shown } from '../pipeline/invalid.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import { Follower } from './follower.ts';
import type { Presence } from './presence.ts';

/** A request whose text can be sent to a reader. */
export interface OpenStream {
  id: string;
  follower: Follower;
  replayed: boolean;
  /** False: there is nothing to stream, the last event is the whole answer. */
  generates: boolean;
  /** The answer in the terminal record; throws the error in it. */
  answer: (settled: Settled) => Answer;
}

export interface StreamsDeps {
  pipeline: Pipeline;
  queue: InferenceQueue;
  relay: TokenRelay;
  catalogue: Catalogue;
  presence: Presence;
}

/** Opens streams, new ones and again; what both transports share. */
export class Streams {
  readonly #deps: StreamsDeps;

  constructor(deps: StreamsDeps) {
    this.#deps = deps;
  }

  /**
   * Enqueues a new request and follows it, from a place (characters) on. The follower listens before the request is
   * enqueued, so that no token is missed. Throws what `Pipeline.admit` throws.
   */
  async begin(prepared: Prepared, chars: number): Promise<OpenStream> {
    const { pipeline, presence } = this.#deps;
    const { id: fresh, tenant, timeoutMs, idempotency } = prepared.request;
    const generates = prepared.spec.generation !== undefined;
    let follower = this.#follow(fresh, tenant, chars, generates);
    try {
      const accepted = await pipeline.admit(prepared);
      const { id, replayed } = accepted;
      if (id !== fresh) {
        follower.close();
        follower = this.#follow(id, tenant, chars, generates);
      }
      follower.start(timeoutMs, { fromLog: replayed || chars > 0, repeats: replayed });
      if (!idempotency) presence.join(id, () => pipeline.abandon(id, tenant));
      return { id, follower, replayed, generates, answer: (settled) => pipeline.answerOf(accepted, settled) };
    } catch (error) {
      follower.close();
      throw error;
    }
  }

  /** Follows a request that was begun here or at another gateway. Throws NOT_FOUND. */
  async resume(id: string, context: CallContext, chars: number): Promise<OpenStream> {
    const { pipeline, queue, presence, catalogue } = this.#deps;
    const tenant = await pipeline.tenantOf(context);
    const view = await queue.read(id, tenant);
    if (!view) {
      throw new AppError('NOT_FOUND', 'no such inference, or it is not kept any longer', { details: { id: shown(id) } }); // prettier-ignore
    }
    const generates = catalogue.get(view.model, view.version)?.spec.generation !== undefined;
    const follower = this.#follow(id, tenant, chars, generates);
    follower.start(view.remainingMs, { fromLog: true, repeats: false });
    if (!view.unattended) presence.join(id, () => pipeline.abandon(id, tenant));
    const answer = ({ outcome, outputs }: Settled) =>
      answerOf(id, { outcome, outputs }, pipeline.outputsOf(outcome), context.received);
    return { id, follower, replayed: false, generates, answer };
  }

  /** Sends the text to a reader, then gives the terminal record; undefined when the follower was closed before. */
  async pump(
    { id, follower }: OpenStream,
    send: (text: string, position: string) => Promise<void> | void,
  ): Promise<Settled | undefined> {
    const { presence } = this.#deps;
    for (;;) {
      const event = await follower.next();
      if (!event) {
        presence.leave(id);
        return undefined;
      }
      if ('settled' in event) {
        presence.forget(id);
        return event.settled;
      }
      await send(event.text, event.position);
    }
  }

  #follow(id: string, tenant: string, chars: number, generates: boolean): Follower {
    const { queue, relay } = this.#deps;
    return new Follower({ queue, relay, id, tenant, chars, generates });
  }
}
