import { AppError } from '@frontier/contracts/errors';
import { DeadLetterAdmin, type DeadLetterAdminOptions } from '@frontier/redis/dead-letter-admin';

/** The part of `DeadLetterAdmin` that the API uses. */
export type DeadLetterSource = Pick<DeadLetterAdmin, 'find' | 'all' | 'redrive' | 'remove' | 'payloadBytes'>;

/** The dead letters, connected to when somebody asks: the rest of the service runs without Redis. */
export class LazyDeadLetters {
  readonly #options: DeadLetterAdminOptions;
  #opened: Promise<DeadLetterAdmin> | undefined;

  constructor(options: DeadLetterAdminOptions) {
    this.#options = options;
  }

  /** Throws UNAVAILABLE while Redis is away; the next call tries again. */
  async open(): Promise<DeadLetterSource> {
    this.#opened ??= this.#start();
    try {
      return await this.#opened;
    } catch (error) {
      this.#opened = undefined;
      throw new AppError('UNAVAILABLE', 'Redis, which holds the dead letters, cannot be reached', {
        cause: error,
        retryAfterS: 5,
      });
    }
  }

  async stop(): Promise<void> {
    await (await this.#opened?.catch(() => undefined))?.stop();
  }

  async #start(): Promise<DeadLetterAdmin> {
    const admin = new DeadLetterAdmin(this.#options);
    try {
      await admin.start();
      return admin;
    } catch (error) {
      await admin.stop();
      throw error;
    }
  }
}
