import { AppError } from '@frontier/contracts/errors';
import type { NewAuditEntry, RegistryStore, VersionState } from '@frontier/contracts/registry';
import type { Rollout } from '@frontier/contracts/rollout';
import { SELF } from './ports.ts';
import type { Standing } from './standing.ts';

type Registry = Pick<RegistryStore, 'version' | 'move'>;

/** The canary becomes the version in production; the one before is archived with it. May be done twice. */
export async function raise(registry: Registry, rollout: Rollout, standing: Standing): Promise<void> {
  const { model, canary } = rollout;
  const state = (await registry.version(model, canary))?.state;
  if (state === 'production') return;
  if (state !== 'approved') throw new AppError('CONFLICT', `version ${canary} of ${model} is ${state}, not approved`); // prettier-ignore
  await move(registry, rollout, canary, state, 'production', standing.promoted?.reason ?? '');
}

/**
 * The last approved version is in production again, if it was not all the time, and the canary is a draft; or approved
 * as before, where nothing is said against it. May be done twice.
 */
export async function lower(registry: Registry, rollout: Rollout, standing: Standing): Promise<void> {
  const { model, stable, canary } = rollout;
  const { block, reason } = standing.rolledBack ?? { block: false, reason: '' };
  if (standing.promoted && (await registry.version(model, canary))?.state === 'production') {
    const old = await registry.version(model, stable);
    if (old?.state === 'archived') await move(registry, rollout, stable, 'archived', 'production', reason);
  }
  const state = (await registry.version(model, canary))?.state;
  const target = block ? 'draft' : 'approved';
  // In production without this rollout's word: somebody else has put it there.
  if (state === 'production' && !standing.promoted) return;
  if (state === target || state === undefined || state === 'draft' || state === 'staging') return;
  await move(registry, rollout, canary, state, target, reason);
}

async function move(
  registry: Registry,
  { id, model }: Rollout,
  version: string,
  from: VersionState,
  to: VersionState,
  why: string,
): Promise<void> {
  await registry.move(model, version, from, to, entry('version.move', `version/${model}@${version}`, from, to, `rollout ${id}: ${why}`)); // prettier-ignore
}

/** An entry of the audit log in this service's name. */
export function entry(
  action: string,
  subject: string,
  before: unknown,
  after: unknown,
  why: string,
): NewAuditEntry {
  return { who: SELF, action, subject, before, after, why };
}
