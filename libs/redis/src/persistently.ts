import { sleep } from '@frontier/kit/abort';

/** Then the locks are over, and what was to be done is done elsewhere. */
const GIVE_UP_MS = 15_000;
const AGAIN_MS = 100;

/** Calls until it succeeds, for as long as a Redis that is away may take to come back. Only for calls that may run twice. */
export async function persistently<T>(call: () => Promise<T>): Promise<T> {
  const giveUpAt = performance.now() + GIVE_UP_MS;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (performance.now() > giveUpAt) throw error;
      await sleep(AGAIN_MS);
    }
  }
}
