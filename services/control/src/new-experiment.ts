import { randomBytes } from 'node:crypto';
import { GATEWAY_KPIS, type Experiment, type NewExperiment } from '@frontier/contracts/experiment';
import type { ModelTraffic } from '@frontier/contracts/traffic';
import { conflict } from './http/refusal.ts';
import { needVersion } from './routes/versions.ts';
import type { Stores } from './stores.ts';

/**
 * An experiment and the traffic record that lets it begin. `found`: the record in force. Throws CONFLICT with what has
 * to happen first.
 */
export async function newExperiment(
  stores: Stores,
  wanted: NewExperiment,
  found: ModelTraffic | undefined,
  { who, at }: { who: string; at: number },
): Promise<{ experiment: Experiment; traffic: Omit<ModelTraffic, 'epoch'> }> {
  const { model, arms, kpi, effect, alpha, horizon } = wanted;
  await checkTraffic(stores, model, found);
  for (const { version } of arms) await checkVersion(stores, { model, version }, found);
  const stable = found?.stable ?? (await inProduction(stores, model));
  const id = `ex-${at.toString(36)}-${randomBytes(4).toString('hex')}`;
  const salt = randomBytes(8).toString('hex');
  const shares = arms.map(({ name, share }) => ({ name, share }));
  const plan = { id, arms: shares, kpi: GATEWAY_KPIS[kpi], effect, alpha, horizon };
  const before = found ?? { blocked: [], rollout: null, shadow: null };
  return {
    experiment: { plan, model, arms, startedAt: at, startedBy: who, endedAt: null },
    traffic: { ...before, model, stable, experiment: { id, salt, arms } },
  };
}

async function checkTraffic(
  { rollouts }: Stores,
  model: string,
  found: ModelTraffic | undefined,
): Promise<void> {
  const [running] = (await rollouts.list({ model, running: true }, 1)).items;
  const rollout = running?.id ?? found?.rollout?.id;
  if (rollout !== undefined) {
    throw conflict('rollout', `rollout ${rollout} of ${model} runs: wait for its end, or abort it`);
  }
  if (found?.experiment) {
    throw conflict(
      'experiment',
      `experiment ${found.experiment.id} has the traffic of ${model}: stop it first`,
    );
  }
}

async function checkVersion(
  { registry, rollouts }: Stores,
  { model, version }: { model: string; version: string },
  found: ModelTraffic | undefined,
): Promise<void> {
  const { state, digest } = await needVersion(registry, { model, version });
  if (state !== 'approved' && state !== 'production') {
    throw conflict('state', `${model}@${version} is in ${state}: an arm must be approved or in production`);
  }
  if (found?.blocked.includes(version) || (await rollouts.blocked()).includes(digest)) {
    throw conflict('blocked', `${model}@${version} was rolled back and is blocked: publish a new version`);
  }
}

async function inProduction({ registry }: Stores, model: string): Promise<string> {
  const [stable] = (await registry.versions({ model, state: 'production' }, 1)).items;
  if (stable) return stable.version;
  throw conflict(
    'stable',
    `${model} has no version in production, which answers what no arm has: move one there`,
  );
}
