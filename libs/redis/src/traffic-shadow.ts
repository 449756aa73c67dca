import { SHADOW_RESULTS, type ShadowReport, type ShadowResult } from '@frontier/contracts/traffic';
import type { RedisClient } from './connection.ts';

const KEPT_MS = 90 * 24 * 3_600_000;

function keyOf(id: string): string {
  return `f:shadow:${id}`;
}

/** Adds to a shadow's integers. A call that failed may have been counted: it must not be repeated. */
export async function addShadow(redis: RedisClient, id: string, report: ShadowReport): Promise<void> {
  const adding = redis.multi();
  const add = (of: string, counts: Record<string, number>) => {
    for (const [name, count] of Object.entries(counts)) {
      if (count > 0) adding.hincrby(keyOf(id), `${of} ${name}`, count);
    }
  };
  add('result', report.results);
  add('difference', report.difference);
  add('stable', report.latency.stable);
  add('candidate', report.latency.candidate);
  await adding.pexpire(keyOf(id), KEPT_MS).exec();
}

export async function readShadow(redis: RedisClient, id: string): Promise<ShadowReport> {
  const fields = Object.entries(await redis.hgetall(keyOf(id))).map(([field, count]) => [...field.split(' '), Number(count)] as [string, string, number]); // prettier-ignore
  const of = (kind: string): Record<string, number> =>
    Object.fromEntries(fields.filter(([of]) => of === kind).map(([, name, count]) => [name, count]));
  const none = Object.fromEntries(SHADOW_RESULTS.map((result) => [result, 0])) as Record<ShadowResult, number>; // prettier-ignore
  return {
    results: { ...none, ...of('result') },
    difference: of('difference'),
    latency: { stable: of('stable'), candidate: of('candidate') },
  };
}
