import type { TokenChunk } from '@frontier/contracts/request';
import type { GatewayStream } from '@frontier/rpc/dispatch-server';

/** Messages that wait for a gateway that does not read; more are dropped, since the token log has them all. */
const MAX_BACKLOG = 1_000;
const MAX_ATTACHED = 10_000;

/** The gateways that are connected: who gets which tokens, and what they cancel. */
export class Relay {
  readonly #onCancel: (id: string) => void;
  readonly #gateways = new Map<string, GatewayStream>();
  /** Inference id → gateways that asked for its tokens besides the one that submitted it. */
  readonly #attached = new Map<string, Set<string>>();

  constructor(onCancel: (id: string) => void) {
    this.#onCancel = onCancel;
  }

  add(stream: GatewayStream): void {
    let gateway = '';
    stream.onMessage(({ hello, cancel, attach }) => {
      if (hello) {
        gateway = hello.gateway_id;
        this.#gateways.set(gateway, stream);
      }
      if (cancel) for (const id of cancel.ids) this.#onCancel(id);
      if (attach && gateway) this.#attach(attach.id, gateway);
    });
    stream.onClose(() => {
      if (this.#gateways.get(gateway) === stream) this.#gateways.delete(gateway);
    });
  }

  send(owner: string, chunk: TokenChunk): void {
    const attached = this.#attached.get(chunk.id);
    for (const gateway of attached ? new Set([owner, ...attached]) : [owner]) {
      const stream = this.#gateways.get(gateway);
      if (stream && stream.backlog < MAX_BACKLOG) stream.send({ chunks: [chunk] });
    }
  }

  /** Its inference has ended. */
  forget(id: string): void {
    this.#attached.delete(id);
  }

  #attach(id: string, gateway: string): void {
    const attached = this.#attached.get(id);
    if (attached) attached.add(gateway);
    else {
      // Bounded: ids that run elsewhere, or nowhere, are attached to every dispatcher. The oldest go first.
      if (this.#attached.size >= MAX_ATTACHED)
        this.#attached.delete(this.#attached.keys().next().value as string);
      this.#attached.set(id, new Set([gateway]));
    }
  }
}
