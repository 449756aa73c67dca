import type { BundledRequest } from '@frontier/contracts/request';
import { LANES, type LaneName } from './keys.ts';
import { LaneConsumer, type ConsumerOptions } from './lane-consumer.ts';

/** Takes bundles from the queues of one shard: `retry`, `main` and `overflow`. */
export class ShardConsumer {
  readonly #lanes: Record<LaneName, LaneConsumer>;
  readonly #least: number;

  constructor(options: ConsumerOptions) {
    this.#least = 2 * options.policy.batchSize;
    const lane = (name: LaneName) => new LaneConsumer(name, options);
    this.#lanes = { retry: lane('retry'), main: lane('main'), overflow: lane('overflow') };
  }

  start(): void {
    for (const name of LANES) this.#lanes[name].start();
  }

  /**
   * Lets about so many more bundles be taken; where there is no room, still as many requests of each queue as two
   * batches hold, however small the bundles are that they come in: a batch that is formed next should not have
   * to wait for Redis, and no priority for the others. While new work waits in `main`, one bundle at most of what lies
   * in `overflow` is held; what is held is shared fairly among its tenants by the batcher.
   */
  set ahead(bundles: number) {
    const { retry, main, overflow } = this.#lanes;
    const mainWaits = main.full;
    for (const lane of [retry, main, overflow]) lane.ahead = bundles || (lane.requests < this.#least ? 1 : 0);
    if (mainWaits) overflow.ahead = 0;
  }

  /** What no worker could run may have one now. */
  unpark(isServed: (request: BundledRequest) => boolean): void {
    for (const name of LANES) this.#lanes[name].unpark(isServed);
  }

  async stop(): Promise<void> {
    await Promise.all(LANES.map((name) => this.#lanes[name].stop()));
  }
}
