import { AppError } from '@frontier/contracts/errors';
import type { Logger } from '@frontier/kit/logger';
import { ExperimentStore } from '@frontier/redis/experiments';
import type { TrafficStore } from '@frontier/redis/traffic';

/** The part of the store that the API uses. */
export interface ExperimentSource extends Pick<
  ExperimentStore,
  'put' | 'remove' | 'get' | 'list' | 'counts'
> {
  readonly traffic: Pick<TrafficStore, 'get' | 'put'>;
}

/** The experiments, connected to when somebody asks: the rest of the service runs without Redis. */
export class LazyExperiments {
  readonly #options: { redisUrl: string; log: Logger };
  #store: ExperimentStore | undefined;

  constructor(options: { redisUrl: string; log: Logger }) {
    this.#options = options;
  }

  /** Throws UNAVAILABLE while Redis is away. */
  async open(): Promise<ExperimentSource> {
    this.#store ??= new ExperimentStore(this.#options);
    try {
      await this.#store.start();
      return this.#store;
    } catch (error) {
      throw new AppError('UNAVAILABLE', 'Redis, which holds the experiments, cannot be reached', {
        cause: error,
        retryAfterS: 5,
      });
    }
  }

  async stop(): Promise<void> {
    await this.#store?.stop();
  }
}
