import { AppError, type ErrorCode } from '@frontier/contracts/errors';
import { newVersionSchema, type NewAuditEntry, type NewVersion } from '@frontier/contracts/registry';
import type { Decision, Rollout, RolloutEvent } from '@frontier/contracts/rollout';
import { rolloutPolicySchema } from '@frontier/contracts/rollout-policy';

let count = 0;
/** A name that no other test uses: all tests of an engine share one database. */
export const unique = (prefix: string): string => `${prefix}-${(count += 1)}`;

export const digest = (character: string): string => `sha256:${character.repeat(64)}`;

export function entry(change: Partial<NewAuditEntry> = {}): NewAuditEntry {
  return {
    who: 'ada',
    action: 'test',
    subject: 'test/1',
    before: null,
    after: { b: 1, a: [2] },
    why: 'because',
    ...change,
  };
}

export function aVersion(model: string, version = '1', change: Partial<NewVersion> = {}): NewVersion {
  return newVersionSchema.parse({
    model,
    version,
    name: 'text-direction_2.1.0_20261121',
    digest: digest('a'),
    card: '# A model',
    lineage: {
      datasetHash: digest('b'),
      commit: 'abcdef0',
      configurationHash: digest('c'),
      environmentHash: digest('d'),
      metrics: { accuracy: 0.98, loss: 1e-9 },
    },
    ...change,
  });
}

export function aRollout(change: Partial<Rollout> = {}): Rollout {
  return {
    id: unique('rollout'),
    model: unique('model'),
    stable: '1',
    canary: '2',
    canaryDigest: digest('e'),
    policy: rolloutPolicySchema.parse({}),
    salt: 'salt',
    phase: 'aa',
    share: 500,
    createdAt: 1_790_000_000_000,
    createdBy: 'ada',
    endedAt: null,
    waits: null,
    ...change,
  };
}

export const aFault: RolloutEvent = { kind: 'fault', at: 1_790_000_001_000, reason: 'stale' };

export const aDecision: Decision = {
  verdict: 'hold',
  reason: 'the scrape is stale: µ > 10 s',
  phase: 'canary',
  share: 500,
  evidence: {
    requests: { control: 9_007_199_254_740_991, canary: 0 },
    errors: { control: 0, canary: 0 },
    p95: { control: 81.5, canary: 0.1 + 0.2 },
    eErrors: 1e-300,
    eLatency: 1e300,
    eObjectiveErrors: 1,
    eObjectiveLatency: 1,
    eNonInferiorErrors: 1,
    eNonInferiorLatency: 1,
    eSampleRatio: 1,
    eHalves: 1,
    designEffect: 1,
  },
  alarms: ['share'],
};

/** The code of the AppError that a promise is rejected with; undefined when it resolves. */
export async function codeOf(promise: Promise<unknown>): Promise<ErrorCode | undefined> {
  try {
    await promise;
    return undefined;
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
}

/** How often each code came out of calls at once; `done`: without an error. */
export function counted(codes: Array<ErrorCode | undefined>): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const code of codes) counts[code ?? 'done'] = (counts[code ?? 'done'] ?? 0) + 1;
  return counts;
}

/** Everything that a list has, by the smallest pages but one. */
export async function allPages<T>(
  read: (cursor?: string) => Promise<{ items: T[]; next: string | undefined }>,
): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | undefined;
  do {
    const page = await read(cursor);
    items.push(...page.items);
    cursor = page.next;
  } while (cursor !== undefined);
  return items;
}
