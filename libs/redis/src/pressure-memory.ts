import { isCluster, type RedisClient } from './connection.ts';

const LOOK_EVERY_MS = 1_000;

/** Looks once a second how much of its memory Redis uses: of the fullest master, in a Cluster. */
export class MemoryWatch {
  readonly #redis: RedisClient;
  readonly #onRatio: (ratio: number) => void;
  #timer: NodeJS.Timeout | undefined;

  /** `onRatio`: used memory by `maxmemory`; 0 where that is not set. Not called while Redis cannot be asked. */
  constructor(redis: RedisClient, onRatio: (ratio: number) => void) {
    this.#redis = redis;
    this.#onRatio = onRatio;
  }

  async start(): Promise<void> {
    await this.#look();
    this.#timer = setInterval(() => void this.#look(), LOOK_EVERY_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    const servers = isCluster(this.#redis) ? this.#redis.nodes('master') : [this.#redis];
    try {
      const infos = await Promise.all(servers.map((server) => server.info('memory')));
      this.#onRatio(Math.max(0, ...infos.map(memoryRatio)));
    } catch {
      // The connection's own handler logs it; what was known goes on to hold.
    }
  }
}

function memoryRatio(info: string): number {
  const [used, max] = ['used_memory', 'maxmemory'].map((name) =>
    Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0),
  ) as [number, number];
  return max === 0 ? 0 : used / max;
}
