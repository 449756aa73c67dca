import { Cluster, Redis, type ClusterOptions, type RedisOptions } from 'ioredis';
import type { Logger } from '@frontier/kit/logger';
import { parseRedisUrl, type RedisTarget } from '@frontier/kit/redis-url';
import { strictCluster } from './cluster.ts';
import { corked } from './cork.ts';

/** A connection to one server (perhaps found by Sentinel), or to a Redis Cluster. */
export type RedisClient = Redis | Cluster;

export interface ConnectionOptions {
  /** In a form of `parseRedisUrl`. */
  url: string;
  /** Shown by `CLIENT LIST`. */
  name: string;
  log: Logger;
}

/** Replies in one shape, whichever protocol the server speaks. */
type Options = RedisOptions & { replyMapping?: 'legacy' };

/** What a call waits for at most. A server that is silent for so long is gone, whatever TCP says. */
const CALL_TIMEOUT_MS = 5_000;
/** Over the longest blocking call, which BullMQ makes: 10 s. */
const SILENCE_MS = 12_000;

/** In a Cluster scripts send answers from Node, and every key has one master. */
export function isCluster(redis: RedisClient): redis is Cluster {
  return redis instanceof Cluster;
}

/** Reconnects after 50 ms, then slower, never slower than once a second, with jitter. */
function retryDelay(attempt: number): number {
  return Math.min(50 * 2 ** Math.min(attempt, 5), 1000) * (0.75 + Math.random() / 2);
}

/**
 * A connection for calls that somebody waits for: fails at once while Redis is away, never sends a command twice
 * (a resent `add` could run twice, and a `WAIT` on a fresh connection would vouch for nothing). In a Cluster a call
 * that was refused with `MOVED` goes to the right master; nobody has run it.
 */
export function connect({ url, name, log }: ConnectionOptions): RedisClient {
  const options: Options = {
    connectionName: name,
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    commandTimeout: CALL_TIMEOUT_MS,
    socketTimeout: CALL_TIMEOUT_MS,
    connectTimeout: 2_000,
  };
  const redis = clientOf(parseRedisUrl(url), options, {
    enableOfflineQueue: false,
    maxRedirections: 4,
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    // What a frozen master's replacement is found by: nothing answers then.
    slotsRefreshInterval: 1_000,
  });
  if (isCluster(redis)) keepConnected(redis);
  else corked(redis);
  return logged(redis, name, log);
}

/** Connects to every server at once. A first call would do so, too, but those that come meanwhile would fail. */
function keepConnected(cluster: Cluster): void {
  const open = (node: Redis) => {
    if (cluster.status === 'ready' && node.status === 'wait') node.connect().catch(() => undefined);
  };
  cluster.on('+node', (node: Redis) => {
    corked(node);
    // Later: what made the client look for this server is sent first.
    setImmediate(open, node);
  });
  cluster.on('ready', () => cluster.nodes().forEach(open));
}

/**
 * A connection that waits in Redis (blocking reads, BullMQ workers): keeps trying for as long as it takes, from now on.
 * Not lazily: BullMQ would call `connect` itself, on the copies that it makes, too, and give up for good when a server
 * that is still starting refuses the first attempt.
 */
export function connectBlocking({ url, name, log }: ConnectionOptions): RedisClient {
  const options: Options = {
    connectionName: name,
    maxRetriesPerRequest: null,
    socketTimeout: SILENCE_MS,
    connectTimeout: 2_000,
  };
  // As many tries, 100 ms apart, as a fail-over needs. What fails then is tried again by its caller.
  const redis = clientOf(parseRedisUrl(url), options, { maxRedirections: 100, slotsRefreshInterval: 5_000 });
  return logged(isCluster(redis) ? redis : corked(redis), name, log);
}

function clientOf(target: RedisTarget, options: Options, cluster: ClusterOptions): RedisClient {
  if (target.kind === 'server') return new Redis(target.url, { ...options, ...reconnecting });
  const { nodes, username, password, tls } = target;
  const access: Options = { ...(username && { username }), ...(password && { password }) };
  if (target.kind === 'cluster') {
    return strictCluster(nodes, {
      clusterRetryStrategy: retryDelay,
      lazyConnect: options.lazyConnect === true,
      // In ioredis 6.0 a `connect` whose check fails, for one dead server, never ends: BullMQ would wait for it.
      enableReadyCheck: false,
      ...cluster,
      redisOptions: { ...options, ...access, ...(tls && { tls: {} }) },
      // A certificate is of a name.
      ...(tls && { dnsLookup: (host, callback) => callback(null, host) }),
    });
  }
  return new Redis({
    ...options,
    ...reconnecting,
    ...access,
    sentinels: nodes,
    name: target.name,
    sentinelCommandTimeout: 1_000,
    sentinelRetryStrategy: retryDelay,
    // Not `failoverDetector`: in ioredis 6.0 it ends a client for good that is just looking for the new primary. A
    // frozen one is left after the silence that `socketTimeout` allows.
    ...(tls && { tls: {}, sentinelTLS: {}, enableTLSForSentinelMode: true }),
  });
}

const reconnecting: Options = {
  retryStrategy: retryDelay,
  // The primary has become a replica: a new connection looks for the new one. The call itself has failed.
  reconnectOnError: (error) => error.message.startsWith('READONLY'),
};

function logged<T extends RedisClient>(redis: T, name: string, log: Logger): T {
  // Each reason once, not each attempt: a password that is wrong may follow a server that was away.
  const told = new Set<string>();
  redis.on('error', (error: Error) => {
    // Sentinel's messages hold a delay.
    const reason = error.message.replaceAll(/\d+/g, '');
    if (!told.has(reason)) log.warn({ connection: name, err: error.message }, 'Redis is away');
    told.add(reason);
  });
  redis.on('ready', () => {
    if (told.size > 0) log.info({ connection: name }, 'Redis is back');
    told.clear();
  });
  return redis;
}

/** Connects, trying again until `timeoutMs` is over or `signal` aborts. In a Cluster: to every master that answers. */
export async function whenReady(redis: RedisClient, timeoutMs: number, signal?: AbortSignal): Promise<void> {
  if (redis.status !== 'ready') await becomesReady(redis, timeoutMs, signal);
  if (isCluster(redis)) await Promise.allSettled(redis.nodes('master').map((node) => node.ping()));
}

async function becomesReady(redis: RedisClient, timeoutMs: number, signal?: AbortSignal): Promise<void> {
  const over = AbortSignal.any([AbortSignal.timeout(timeoutMs), ...(signal ? [signal] : [])]);
  await new Promise<void>((resolve, reject) => {
    const giveUp = () => {
      redis.off('ready', done);
      reject(new Error(`Redis did not answer within ${timeoutMs} ms`));
    };
    const done = () => {
      over.removeEventListener('abort', giveUp);
      resolve();
    };
    over.addEventListener('abort', giveUp, { once: true });
    redis.once('ready', done);
    // A first attempt that fails is followed by others (retryStrategy); only `over` gives up.
    if (redis.status === 'wait') redis.connect().catch(() => undefined);
    if (over.aborted) giveUp();
  });
}

export async function disconnect(redis: RedisClient): Promise<void> {
  if (redis.status === 'ready') await redis.quit().catch(() => undefined);
  redis.disconnect();
}
