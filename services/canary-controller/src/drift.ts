import type { Rollout, RolloutEvent, Scrape } from '@frontier/contracts/rollout';
import { SELF } from './ports.ts';

const PREFIX = 'drift: ';

/** A freeze that only a person ends. */
export function isDriftFreeze({ who, why }: { who: string; why: string }): boolean {
  return who === SELF && why.startsWith(PREFIX);
}

/** Why a rollout is frozen for a drift; the same drift gives the same words. */
export function driftReasons(event: RolloutEvent): string[] {
  return event.kind === 'command' && event.command === 'freeze' && isDriftFreeze(event) ? [event.why] : [];
}

/** Looks for drift alarms of a rollout's two versions. */
export class DriftWatch {
  readonly #versions: ReadonlySet<string>;
  #at = 0;
  #before: ReadonlySet<string> = new Set();

  constructor({ stable, canary }: Rollout) {
    this.#versions = new Set([stable, canary]);
  }

  /** `now`: alarms that are on. `lasting`: those that were at the scrape before, too. Both as reasons. */
  look({ at, drift = [] }: Scrape): { now: string[]; lasting: string[] } {
    const now = drift.flatMap((alarm) => {
      const [version = '', feature = ''] = splitOnce(alarm);
      return this.#versions.has(version) ? [`${PREFIX}${feature} of version ${version}`] : [];
    });
    const lasting = now.filter((reason) => this.#before.has(reason));
    if (at <= this.#at) return { now, lasting: [] };
    this.#at = at;
    this.#before = new Set(now);
    return { now, lasting };
  }
}

function splitOnce(alarm: string): string[] {
  const space = alarm.indexOf(' ');
  return [alarm.slice(0, space), alarm.slice(space + 1)];
}
