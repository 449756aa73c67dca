import { LANES, type LaneName } from './keys.ts';
import { LaneConsumer, type ConsumerOptions } from './lane-consumer.ts';

/** Takes bundles from the queues of one shard: `retry`, `main` and `overflow`. */
export class ShardConsumer {
  readonly #lanes: Record<LaneName, LaneConsumer>;

  constructor(options: ConsumerOptions) {
    const lane = (name: LaneName) => new LaneConsumer(name, options);
    this.#lanes = { retry: lane('retry'), main: lane('main'), overflow: lane('overflow') };
  }

  start(): void {
    for (const name of LANES) this.#lanes[name].start();
  }

  /**
   * Lets about `ahead` bundles more be taken. While new work waits in `main`, one bundle at most of what lies in
   * `overflow` is held; what is held is shared fairly among its tenants by the batcher.
   */
  set ahead(bundles: number) {
    const { retry, main, overflow } = this.#lanes;
    const mainWaits = main.full;
    retry.ahead = bundles;
    main.ahead = bundles;
    overflow.ahead = mainWaits ? 0 : bundles;
  }

  /** Models that had no worker may have one now. */
  unpark(isServed: (model: string, version: string) => boolean): void {
    for (const name of LANES) this.#lanes[name].unpark(isServed);
  }

  async stop(): Promise<void> {
    await Promise.all(LANES.map((name) => this.#lanes[name].stop()));
  }
}
