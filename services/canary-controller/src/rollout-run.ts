import { AppError } from '@frontier/contracts/errors';
import { MetricsFault, type Decision, type RolloutCommand, type RolloutEvent, type Scrape } from '@frontier/contracts/rollout'; // prettier-ignore
import { sleep } from '@frontier/kit/abort';
import { failpoint } from '@frontier/kit/failpoint';
import { Chores, isFinished } from './chores.ts';
import { DriftWatch, isDriftFreeze } from './drift.ts';
import type { Term } from './leader.ts';
import { forget, show } from './metrics.ts';
import { refusalOf } from './orders.ts';
import { SELF, type Tools } from './ports.ts';
import { unmetGate } from './promotion-gate.ts';
import { RolloutLog } from './rollout-log.ts';
import { Opening } from './opening.ts';
import { enforce } from './traffic.ts';
import { entry } from './versions.ts';
import { Waiting } from './waiting.ts';

type Command = Extract<RolloutEvent, { kind: 'command' }>;

/** Wall-clock time that runs as the monotonic clock does: a clock that is set does not move a rollout. */
const now = () => Math.round(performance.timeOrigin + performance.now());

/**
 * One rollout from where its log stands to its end: orders first, then a scrape or its fault, the decision about it
 * written down, and what was decided done: the traffic at once, everything else beside.
 */
export class RolloutRun {
  readonly #tools: Tools;
  readonly #term: Term;
  readonly #log: RolloutLog;
  readonly #chores: Chores;
  readonly #opening: Opening;
  readonly #drift: DriftWatch;
  readonly #waiting: Waiting;
  #lastFault: string | undefined;

  private constructor(tools: Tools, term: Term, log: RolloutLog) {
    this.#tools = tools;
    this.#term = term;
    this.#log = log;
    this.#waiting = new Waiting(tools.rollouts, log.rollout.id);
    this.#chores = new Chores(tools, log.rollout, this.#waiting);
    this.#opening = new Opening(tools, log.rollout, this.#waiting);
    this.#drift = new DriftWatch(log.rollout);
  }

  /** Returns when the rollout has ended and all is done, or at the end of the term. Throws CONFLICT when somebody else writes its log. */
  static async run(tools: Tools, id: string, term: Term): Promise<void> {
    const rollout = await tools.rollouts.get(id);
    if (!rollout || (rollout.endedAt !== null && (await isFinished(tools.audit, id)))) return;
    const log = await RolloutLog.open(tools.rollouts, rollout, tools.log);
    const run = new RolloutRun(tools, term, log);
    try {
      await run.#loop();
    } finally {
      await run.#chores.idle();
      forget(tools.metrics, rollout.model);
    }
  }

  async #loop(): Promise<void> {
    const { signal, mayAct } = this.#term;
    const { scrapeMs } = this.#log.rollout.policy;
    while (mayAct()) {
      const began = performance.now();
      try {
        await this.#tick();
        await this.#waiting.say('step', null);
      } catch (error) {
        await this.#waiting.say('step', (error as Error).message);
        if (error instanceof AppError && error.code === 'CONFLICT') throw error;
        this.#tools.metrics.failures.inc({ model: this.#log.rollout.model, effect: 'tick' });
        this.#tools.log.error({ rollout: this.#log.rollout.id, err: error }, 'failed; it is tried again');
      }
      if (this.#chores.finished(this.#log.standing)) return;
      const ended = this.#log.standing.ended !== undefined;
      await sleep(
        Math.max(0, Math.min(scrapeMs, ended ? 100 : scrapeMs) - (performance.now() - began)),
        signal,
      );
    }
  }

  async #tick(): Promise<void> {
    await this.#orders();
    const { conflict } = this.#chores;
    if (conflict !== undefined && !this.#log.standing.ended) await this.#command('abort', conflict);
    if (!this.#log.standing.ended && !(await this.#opened())) return;
    await this.#enforce();
    if (!this.#log.standing.ended) await this.#look();
    this.#startChores();
  }

  /** Whether all that comes before the first call to the canary is done. */
  async #opened(): Promise<boolean> {
    const { standing } = this.#log;
    if (standing.observed) return true;
    if (standing.frozen !== undefined) {
      const { who, why } = standing.frozen;
      await this.#waiting.say('begin', `cannot begin yet: frozen by ${who}: ${why}`);
      return false;
    }
    const outcome = await this.#opening.proceed(standing, this.#term.signal);
    if (outcome.refused !== undefined) {
      await this.#waiting.say('begin', null);
      await this.#command('abort', outcome.refused);
    }
    return outcome.done || this.#log.standing.ended !== undefined;
  }

  async #orders(): Promise<void> {
    const { rollouts } = this.#tools;
    const { id } = this.#log.rollout;
    for (const { id: order, event } of await rollouts.orders(id)) {
      if (!this.#term.mayAct()) return;
      // One that was logged but not taken before a crash is not obeyed twice.
      const isLogged = this.#log.lastOrder === order;
      if (!isLogged && !(await this.#refused(event))) await this.#decide({ ...event, order, at: now() });
      await failpoint('canary.order.before', id);
      await rollouts.taken(order);
    }
    await this.#freeze();
  }

  /** As the settings say; what a person or a drift has frozen stays so. */
  async #freeze(): Promise<void> {
    const { frozen, ended } = this.#log.standing;
    if (ended) return;
    const why = this.#tools.frozen();
    if (why !== undefined && !frozen) await this.#command('freeze', why);
    const isOurs = frozen?.who === SELF && !isDriftFreeze(frozen);
    if (why === undefined && isOurs) await this.#command('unfreeze', `over: ${frozen.why}`);
  }

  /** True for an order that is not obeyed; the audit log says why. */
  async #refused(event: Command): Promise<boolean> {
    const { id } = this.#log.rollout;
    const why = await refusalOf(this.#tools, this.#log.rollout, this.#log.standing, event);
    if (why === undefined) return false;
    await this.#tools.audit.append(entry('rollout.order-refused', `rollout/${id}`, { command: event.command, who: event.who }, null, why)); // prettier-ignore
    this.#tools.log.warn({ rollout: id, command: event.command, who: event.who, why }, 'order refused');
    return true;
  }

  #command(command: RolloutCommand, why: string): Promise<void> {
    return this.#decide({ kind: 'command', at: now(), command, who: SELF, why });
  }

  /** A scrape and what follows from it. */
  async #look(): Promise<void> {
    const event = await this.#observe();
    if (event.kind === 'scrape') await this.#freezeForDrift(event.scrape);
    await this.#decide(event);
  }

  /** Once for each feature: whoever unfreezes has seen it. With all traffic there is nothing left to freeze. */
  async #freezeForDrift(scrape: Scrape): Promise<void> {
    const { now: alarms, lasting } = this.#drift.look(scrape);
    this.#tools.metrics.drift.set({ model: this.#log.rollout.model }, alarms.length);
    const { phase, drifts } = this.#log.standing;
    if (phase === 'watch') return;
    for (const reason of lasting) if (!drifts.includes(reason)) await this.#command('freeze', reason);
  }

  /** Only asked while it decides anything. */
  async #unmet(): Promise<string | undefined> {
    const { phase } = this.#log.standing;
    return phase === 'canary' || phase === 'ready' ? unmetGate(this.#tools, this.#log.rollout) : undefined;
  }

  async #observe(): Promise<RolloutEvent> {
    const { source, metrics, log } = this.#tools;
    const { id, model, policy } = this.#log.rollout;
    try {
      const scrape = await source(policy.staleMs).scrape(model, id, this.#term.signal);
      if (this.#lastFault !== undefined) log.info({ rollout: id }, 'metrics are back');
      this.#lastFault = undefined;
      const unmet = await this.#unmet();
      return { kind: 'scrape', at: now(), scrape, ...(unmet !== undefined && { unmet }) };
    } catch (error) {
      if (!(error instanceof MetricsFault)) throw error;
      metrics.faults.inc({ model, reason: error.reason });
      if (this.#lastFault !== error.reason) log.warn({ rollout: id, err: error }, 'no metrics to decide on');
      this.#lastFault = error.reason;
      return { kind: 'fault', at: now(), reason: error.reason };
    }
  }

  async #decide(event: RolloutEvent): Promise<void> {
    if (!this.#term.mayAct()) return;
    const before = this.#log.last;
    const decision = await this.#log.take(event);
    show(this.#tools.metrics, this.#log.rollout.model, decision);
    if (isNews(decision, before)) {
      const { verdict, phase, share, reason, alarms } = decision;
      this.#tools.log.info({ rollout: this.#log.rollout.id, verdict, phase, share, reason, alarms }, 'decided'); // prettier-ignore
    }
    // Before the first scrape nothing is in force: the start may still be refused.
    if (this.#log.standing.observed || this.#log.standing.ended) await this.#enforce();
    this.#startChores();
  }

  async #enforce(): Promise<void> {
    if (!this.#term.mayAct()) return;
    await enforce(this.#tools, this.#log.rollout, this.#log.standing, this.#term);
  }

  #startChores(): void {
    const { signal, mayAct } = this.#term;
    this.#chores.start(() => this.#log.standing, () => this.#log.last, signal, mayAct); // prettier-ignore
  }
}

function isNews(one: Decision, before: Decision | undefined): boolean {
  return before === undefined || one.verdict !== before.verdict || one.phase !== before.phase || one.share !== before.share || one.alarms.join() !== before.alarms.join(); // prettier-ignore
}
