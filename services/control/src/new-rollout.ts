import { randomBytes } from 'node:crypto';
import type { NewRollout } from '@frontier/contracts/registry';
import type { Rollout } from '@frontier/contracts/rollout';
import { conflict } from './http/refusal.ts';
import { needVersion } from './routes/versions.ts';
import type { Stores } from './stores.ts';

/** Throws CONFLICT with what has to happen first. */
export async function newRollout(
  { registry, rollouts }: Stores,
  wanted: NewRollout,
  who: string,
  at: number,
): Promise<Rollout> {
  const canary = await needVersion(registry, { model: wanted.model, version: wanted.canary });
  if (canary.state !== 'approved') {
    throw conflict(
      'state',
      `${wanted.model}@${wanted.canary} is in ${canary.state}: a canary must be approved`,
    );
  }
  if ((await rollouts.blocked()).includes(canary.digest)) {
    throw conflict(
      'blocked',
      `${canary.digest} was rolled back and is blocked: publish a new version, or have it unblocked`,
    );
  }
  const [stable] = (await registry.versions({ model: wanted.model, state: 'production' }, 1)).items;
  if (!stable) {
    throw conflict(
      'stable',
      `${wanted.model} has no version in production to compare with: move the one that serves there`,
    );
  }
  const { policy } = wanted;
  return {
    id: `ro-${at.toString(36)}-${randomBytes(4).toString('hex')}`,
    model: wanted.model,
    stable: stable.version,
    canary: canary.version,
    canaryDigest: canary.digest,
    policy,
    salt: randomBytes(8).toString('hex'),
    phase: policy.aaRequests > 0 ? 'aa' : 'canary',
    // Nothing until the controller has taken it up.
    share: 0,
    createdAt: at,
    createdBy: who,
    endedAt: null,
    waits: null,
  };
}
