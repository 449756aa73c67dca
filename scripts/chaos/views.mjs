// What lies in Redis, by kind of key: after a run nothing may be left of it but results, and those expire.
import { sleep } from '../lib/run.mjs';

const LISTS = { wait: 'llen', active: 'llen', paused: 'llen', delayed: 'zcard', prioritized: 'zcard' };
/** Queues whose jobs are to stay. */
const KEPT = 'dead';

/** `{records, payloads, outstanding, bytes, jobs, results, dead, tokens, …}` */
export async function views(redis) {
  const found = { records: 0, payloads: 0, outstanding: 0, bytes: 0, jobs: 0, results: 0, dead: 0, tokens: 0, withoutTtl: 0, keys: 0 }; // prettier-ignore
  for await (const keys of redis.scanStream({ match: '*', count: 1_000 })) {
    for (const key of new Set(keys)) await count(redis, key, found);
  }
  return found;
}

async function count(redis, key, found) {
  found.keys += 1;
  const [, rest = ''] = /^\{f:[^}]+\}:(.*)$/.exec(key) ?? [];
  const kind = rest.split(':', 1)[0];
  if (kind === 'r') found.records += 1;
  else if (kind === 'p') found.payloads += 1;
  else if (kind === 's') {
    found.results += 1;
    if ((await redis.pttl(key)) === -1) found.withoutTtl += 1;
  } else if (kind === 't') found.tokens += 1;
  else if (rest === 'outstanding') found.outstanding += await redis.zcard(key);
  else if (rest === 'bytes') found.bytes += Number(await redis.get(key));
  else {
    const [queue, list, more] = rest.split(':');
    const command = LISTS[list];
    if (more !== undefined || !command) return;
    const length = await redis[command](key);
    if (queue === KEPT) found.dead += length;
    else found.jobs += length;
  }
}

/** What must be gone when all requests have ended. */
function leaked({ records, payloads, outstanding, bytes, jobs, withoutTtl }) {
  return Object.entries({ records, payloads, outstanding, bytes, jobs, withoutTtl }).filter(
    ([, value]) => value !== 0,
  );
}

/** Waits until nothing is left of what has ended; what is left after `timeoutMs`. */
export async function untilClean(redis, timeoutMs) {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const left = leaked(await views(redis));
    if (left.length === 0 || Date.now() > end) return left;
    await sleep(250);
  }
}

/** A few lines on records that should be gone: what they say, and where the job is that owns them. */
export async function describeRecords(redis, limit = 3) {
  const lines = [];
  for await (const keys of redis.scanStream({ match: '{f:*}:r:*', count: 1_000 })) {
    for (const key of keys.slice(0, limit - lines.length)) lines.push(await describe(redis, key));
    if (lines.length >= limit) break;
  }
  return lines;
}

async function describe(redis, key) {
  const record = await redis.hgetall(key);
  delete record.blob;
  const prefix = key.slice(0, key.indexOf(':r:'));
  const owner = record.owner?.includes(':') ? record.owner : `main:${record.owner}`;
  const [queue, job] = owner.split(':');
  const exists = await redis.exists(`${prefix}:${owner}`);
  const [lock, reason, ...places] = await Promise.all([
    redis.pttl(`${prefix}:${owner}:lock`),
    redis.hget(`${prefix}:${owner}`, 'failedReason'),
    ...['active', 'wait', 'paused'].map((list) => redis.lpos(`${prefix}:${queue}:${list}`, job)),
    ...['delayed', 'failed', 'completed'].map((set) => redis.zscore(`${prefix}:${queue}:${set}`, job)),
  ]);
  const names = ['active', 'wait', 'paused', 'delayed', 'failed', 'completed'];
  const place = names.filter((_, i) => places[i] !== null).join(', ') || 'nowhere';
  return `${key} ${JSON.stringify(record)}, its job: ${exists ? `${place}, lock ${lock} ms ${reason ?? ''}` : 'none'}`;
}
