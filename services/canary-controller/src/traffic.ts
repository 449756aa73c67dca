import { AppError } from '@frontier/contracts/errors';
import type { Rollout } from '@frontier/contracts/rollout';
import { MAX_BLOCKED, type ModelTraffic } from '@frontier/contracts/traffic';
import { sleep } from '@frontier/kit/abort';
import { failpoint } from '@frontier/kit/failpoint';
import type { Term } from './leader.ts';
import type { Tools } from './ports.ts';
import type { Standing } from './standing.ts';

const MAX_ATTEMPTS = 5;
/** After this a gateway that does not know its record sends everything to stable by itself. */
const CONFIRM_MS = 1_000;
const CONFIRM_POLL_MS = 10;

type Wanted = Omit<ModelTraffic, 'epoch'>;

/**
 * Puts a rollout's traffic record in force if it is not, and waits a second at most until every gateway obeys it.
 * Throws UNAVAILABLE when Redis is away, CONFLICT while an experiment has the model's traffic.
 */
export async function enforce(
  { traffic, metrics, log }: Pick<Tools, 'traffic' | 'metrics' | 'log'>,
  rollout: Rollout,
  standing: Standing,
  { signal, mayAct }: Pick<Term, 'signal' | 'mayAct'>,
): Promise<void> {
  // Whoever was frozen meanwhile may have lost its term to another controller, whose record stays.
  for (let attempt = 1; mayAct(); attempt += 1) {
    const found = await traffic.get(rollout.model);
    const wanted = trafficOf(rollout, standing, found);
    if (!wanted || (found && same(wanted, found))) return;
    await failpoint('canary.traffic.before', rollout.id);
    const began = performance.now();
    try {
      const { epoch } = await traffic.put(wanted, found?.epoch ?? 0);
      await failpoint('canary.traffic.after', rollout.id);
      const late = await unconfirmed(traffic, rollout.model, epoch, signal);
      const ms = Math.round(performance.now() - began);
      const { mode, share, phase } = standing;
      log.info({ rollout: rollout.id, epoch, phase, mode, share, ms, late }, 'traffic changed');
      if (late.length === 0) metrics.confirmed.observe(ms / 1000);
      return;
    } catch (error) {
      const lost = error instanceof AppError && error.code === 'CONFLICT';
      if (!lost || attempt === MAX_ATTEMPTS) throw error;
    }
  }
}

/** What the record of the rollout's model has to be; undefined: it is not this rollout's any more. */
function trafficOf(
  rollout: Rollout,
  standing: Standing,
  found: ModelTraffic | undefined,
): Wanted | undefined {
  // prettier-ignore
  const { id, model, stable, canary, salt } = rollout;
  const { mode, share, phase, rolledBack, ended } = standing;
  const before: Pick<ModelTraffic, 'blocked' | 'shadow' | 'experiment'> = found ?? { blocked: [], shadow: null, experiment: null }; // prettier-ignore
  if (ended) {
    const others = found !== undefined && found.rollout?.id !== id;
    const isBlocked = !rolledBack?.block || before.blocked.includes(canary);
    if (others && (isBlocked || found.stable === canary)) return undefined;
    const blocked = isBlocked ? before.blocked : [...before.blocked, canary].slice(-MAX_BLOCKED);
    const shadow = rolledBack && before.shadow?.version === canary ? null : before.shadow;
    if (others) return { ...found, blocked, shadow };
    const kept = phase === 'promoted' ? canary : stable;
    return { model, stable: kept, blocked, rollout: null, shadow, experiment: before.experiment };
  }
  if (before.experiment) {
    throw new AppError('CONFLICT', `the experiment ${before.experiment.id} has the traffic of ${model}: end it first`); // prettier-ignore
  }
  const shadow = before.shadow?.version === canary ? null : before.shadow;
  // Whoever lets a digest go does so in the database, which was asked before the rollout began.
  const blocked = before.blocked.filter((version) => version !== canary);
  return { model, stable, blocked, rollout: { id, salt, mode, canary, share }, shadow, experiment: null }; // prettier-ignore
}

function same(wanted: Wanted, found: Wanted): boolean {
  const flat = ({ model, stable, blocked, rollout, shadow, experiment }: Wanted) =>
    JSON.stringify([model, stable, blocked, rollout && { id: rollout.id, salt: rollout.salt, mode: rollout.mode, canary: rollout.canary, share: rollout.share }, shadow, experiment]); // prettier-ignore
  return flat(wanted) === flat(found);
}

/** The gateways that do not obey an epoch after a second. */
async function unconfirmed(
  traffic: Tools['traffic'],
  model: string,
  epoch: number,
  signal: AbortSignal,
): Promise<string[]> {
  const end = performance.now() + CONFIRM_MS;
  for (;;) {
    const seen = await traffic.confirmed(model).catch((): Record<string, number> => ({}));
    const late = Object.entries(seen).flatMap(([name, at]) => (at < epoch ? [name] : []));
    if (late.length === 0 || performance.now() > end || !(await sleep(CONFIRM_POLL_MS, signal))) return late;
  }
}
