import type { GenerationSpec } from '@frontier/contracts/model-spec';
import { Tensor, type InferenceSession } from 'onnxruntime-node';

type Feeds = Record<string, Tensor>;

/** The graph of a decoder with its KV cache, as the engine sees it. */
export interface Decoder {
  readonly slots: number;
  /**
   * Appends tokens to a slot that holds `length` positions; the logits behind the last of them, valid until the
   * next call.
   */
  prefill(slot: number, tokens: readonly number[], length: number): Promise<Float32Array>;
  /**
   * One step of all slots at once: appends `tokens[slot]` at `lengths[slot]` for each slot of `active`. Logits of
   * all slots behind each other, valid until the next call.
   */
  step(
    tokens: readonly number[],
    lengths: readonly number[],
    active: readonly number[],
  ): Promise<Float32Array>;
}

/**
 * Keeps keys and values of all slots in one array a layer, `[slots, heads, context, headSize]`, which the graph
 * reads as a whole; it returns those of the new positions only, and they are written into their slots here. So
 * joining and leaving the running batch copies nothing.
 *
 * A step always has the shape `[slots, 1]`, also when one slot alone is busy: the arithmetic of a sequence then
 * does not depend on its company, and equal seeds give equal texts. A prefill is `[1, n]` on the slot's own part.
 */
export class OnnxDecoder implements Decoder {
  readonly slots: number;
  readonly #session: InferenceSession;
  readonly #spec: GenerationSpec;
  /** By graph input, `past.0.key` and so on. */
  readonly #caches = new Map<string, Float32Array>();
  readonly #stepIds: BigInt64Array;
  readonly #stepLengths: BigInt64Array;
  readonly #stepFeeds: Feeds;
  readonly #slotFeeds: Feeds[];

  constructor(session: InferenceSession, spec: GenerationSpec) {
    const { slots, heads, context, headSize } = spec;
    this.#session = session;
    this.#spec = spec;
    this.slots = slots;
    this.#stepIds = new BigInt64Array(slots);
    this.#stepLengths = new BigInt64Array(slots);
    this.#stepFeeds = {
      input_ids: new Tensor('int64', this.#stepIds, [slots, 1]),
      lengths: new Tensor('int64', this.#stepLengths, [slots]),
    };
    this.#slotFeeds = Array.from({ length: slots }, () => ({}));
    const slotSize = heads * context * headSize;
    for (const name of cacheNames(spec.layers)) {
      const cache = new Float32Array(slots * slotSize);
      this.#caches.set(name, cache);
      this.#stepFeeds[`past.${name}`] = new Tensor('float32', cache, [slots, heads, context, headSize]);
      this.#slotFeeds.forEach((feeds, slot) => {
        const part = cache.subarray(slot * slotSize, (slot + 1) * slotSize);
        feeds[`past.${name}`] = new Tensor('float32', part, [1, heads, context, headSize]);
      });
    }
  }

  async prefill(slot: number, tokens: readonly number[], length: number): Promise<Float32Array> {
    const outputs = await this.#session.run({
      ...this.#slotFeeds[slot],
      input_ids: new Tensor('int64', BigInt64Array.from(tokens, BigInt), [1, tokens.length]),
      lengths: new Tensor('int64', BigInt64Array.of(BigInt(length)), [1]),
    });
    this.#keep(outputs, 0, slot, length, tokens.length);
    return floats(outputs, 'logits');
  }

  async step(
    tokens: readonly number[],
    lengths: readonly number[],
    active: readonly number[],
  ): Promise<Float32Array> {
    for (let slot = 0; slot < this.slots; slot++) {
      this.#stepIds[slot] = BigInt(tokens[slot] ?? 0);
      this.#stepLengths[slot] = BigInt(lengths[slot] ?? 0);
    }
    const outputs = await this.#session.run(this.#stepFeeds);
    for (const slot of active) this.#keep(outputs, slot, slot, lengths[slot] ?? 0, 1);
    return floats(outputs, 'logits');
  }

  /** Writes row `row` of the new keys and values, `[rows, heads, count, headSize]`, into a slot from `position` on. */
  #keep(outputs: Feeds, row: number, slot: number, position: number, count: number): void {
    const { heads, context, headSize } = this.#spec;
    const run = count * headSize;
    for (const [name, cache] of this.#caches) {
      const fresh = floats(outputs, `new.${name}`);
      for (let head = 0; head < heads; head++) {
        const from = (row * heads + head) * run;
        const to = ((slot * heads + head) * context + position) * headSize;
        cache.set(fresh.subarray(from, from + run), to);
      }
    }
  }
}

function cacheNames(layers: number): string[] {
  return Array.from({ length: layers }, (_, layer) => [`${layer}.key`, `${layer}.value`]).flat();
}

function floats(outputs: Feeds, name: string): Float32Array {
  const data = outputs[name]?.data;
  if (!(data instanceof Float32Array)) throw new Error(`the graph gives no FP32 output ${name}`);
  return data;
}
