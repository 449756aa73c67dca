import { Redis } from 'ioredis';
import type { Logger } from '@frontier/kit/logger';

export interface ConnectionOptions {
  url: string;
  /** Shown by `CLIENT LIST`. */
  name: string;
  log: Logger;
}

/** Reconnects after 50 ms, then slower, never slower than once a second, with jitter. */
function retryDelay(attempt: number): number {
  return Math.min(50 * 2 ** Math.min(attempt, 5), 1000) * (0.75 + Math.random() / 2);
}

/**
 * A connection for calls that somebody waits for: fails at once while Redis is away, never sends a command twice
 * (a resent `add` could run twice, and a `WAIT` on a fresh connection would vouch for nothing).
 */
export function connect({ url, name, log }: ConnectionOptions): Redis {
  const redis = new Redis(url, {
    connectionName: name,
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    commandTimeout: 5_000,
    connectTimeout: 2_000,
    retryStrategy: retryDelay,
  });
  return corked(logged(redis, name, log));
}

/** A connection that waits in Redis (blocking reads, BullMQ workers): keeps trying for as long as it takes. */
export function connectBlocking({ url, name, log }: ConnectionOptions): Redis {
  const redis = new Redis(url, {
    connectionName: name,
    lazyConnect: true,
    maxRetriesPerRequest: null,
    connectTimeout: 2_000,
    retryStrategy: retryDelay,
  });
  return corked(logged(redis, name, log));
}

function logged(redis: Redis, name: string, log: Logger): Redis {
  let away = false;
  redis.on('error', (error: Error) => {
    if (!away) log.warn({ connection: name, err: error.message }, 'Redis is away');
    away = true;
  });
  redis.on('ready', () => {
    if (away) log.info({ connection: name }, 'Redis is back');
    away = false;
  });
  return redis;
}

/**
 * Commands of one turn leave in one write: measured, a write to a socket costs more than most commands do. Unlike
 * ioredis' auto-pipelining this changes nothing about the commands themselves.
 */
function corked(redis: Redis): Redis {
  const send = redis.sendCommand.bind(redis);
  let scheduled = false;
  redis.sendCommand = (command, stream) => {
    const socket = redis.stream as typeof redis.stream | undefined;
    if (!scheduled && socket?.writable) {
      scheduled = true;
      socket.cork();
      // A tick that is asked for by a microtask comes after all microtasks: what follows by promises leaves along.
      queueMicrotask(() =>
        process.nextTick(() => {
          scheduled = false;
          socket.uncork();
        }),
      );
    }
    return send(command, stream);
  };
  return redis;
}

/** Connects, trying again until `timeoutMs` is over. */
export async function whenReady(redis: Redis, timeoutMs: number): Promise<void> {
  if (redis.status === 'ready') return;
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      redis.off('ready', done);
      reject(new Error(`Redis did not answer within ${timeoutMs} ms`));
    }, timeoutMs);
    const done = () => {
      clearTimeout(timer);
      resolve();
    };
    redis.once('ready', done);
    // A first attempt that fails is followed by others (retryStrategy); only the timer gives up.
    if (redis.status === 'wait') redis.connect().catch(() => undefined);
  });
}

/** Warns where Redis is set up so that acknowledged work could be lost. */
export async function warnIfNotDurable(redis: Redis, log: Logger): Promise<void> {
  try {
    const settings = new Map<string, string>();
    for (const name of ['appendonly', 'maxmemory-policy']) {
      const [, value] = await redis.config('GET', name);
      settings.set(name, value ?? '');
    }
    if (settings.get('appendonly') === 'no') {
      log.warn(
        'Redis has no append-only file: acknowledged requests are lost when it stops; set appendonly yes',
      );
    }
    if (settings.get('maxmemory-policy') !== 'noeviction') {
      log.warn({ policy: settings.get('maxmemory-policy') }, 'Redis may evict queued work; set maxmemory-policy noeviction'); // prettier-ignore
    }
  } catch (error) {
    log.info(
      { err: (error as Error).message },
      'cannot read the settings of Redis; make sure of AOF and noeviction',
    );
  }
}

export async function disconnect(redis: Redis): Promise<void> {
  if (redis.status === 'ready') await redis.quit().catch(() => undefined);
  redis.disconnect();
}
