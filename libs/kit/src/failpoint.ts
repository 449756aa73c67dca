import { appendFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { AppError } from '@frontier/contracts/errors';

type Action =
  { kind: 'kill' } | { kind: 'error' } | { kind: 'delay'; ms: number } | { kind: 'log'; file: string };

export interface Failpoint {
  /** `<service>.<step>.<before|after>`. */
  name: string;
  action: Action;
  /** Acts at this hit only (1-based); else at every one. */
  at: number | undefined;
}

const RULE = /^([a-z]+(?:[.-][a-z]+)+)=(kill|error|delay:\d{1,6}|log:[^;]+?)(?:@([1-9]\d{0,6}))?$/;

/** `name=action[@n];…`, actions `kill`, `error`, `delay:<ms>`, `log:<file>`; a name may come more than once. */
export const failpointsSchema = z.string().transform((text, context): Failpoint[] =>
  text
    .split(';')
    .filter((rule) => rule.trim() !== '')
    .flatMap((rule) => {
      const [, name, action, at] = RULE.exec(rule.trim()) ?? [];
      if (name !== undefined && action !== undefined)
        return [{ name, action: actionOf(action), at: at === undefined ? undefined : Number(at) }];
      context.addIssue({ code: 'custom', message: 'must be `name=action[@n];…`' });
      return [];
    }),
);

function actionOf(text: string): Action {
  const colon = text.indexOf(':');
  if (colon === -1) return { kind: text as 'kill' | 'error' };
  const argument = text.slice(colon + 1);
  return text.startsWith('delay') ? { kind: 'delay', ms: Number(argument) } : { kind: 'log', file: argument };
}

/** Undefined in production: a failpoint then costs one comparison. */
let active: Map<string, (Failpoint & { hits: number })[]> | undefined;

/** Those of the whole process; an empty list switches them off. */
export function activateFailpoints(failpoints: readonly Failpoint[]): void {
  active = failpoints.length === 0 ? undefined : new Map();
  for (const failpoint of failpoints) {
    active?.set(failpoint.name, [...(active.get(failpoint.name) ?? []), { ...failpoint, hits: 0 }]);
  }
}

/**
 * A named place where an experiment lets a process crash, fail, wait or tell: does nothing unless FAILPOINTS names it.
 * Throws UNAVAILABLE, a transient failure, where it says `error`; resolves later where it says `delay`. `detail` goes to
 * the file of `log`.
 */
export function failpoint(name: string, detail = ''): void | Promise<void> {
  const failpoints = active?.get(name);
  if (failpoints) return act(failpoints, detail);
}

/** Synchronous but for `delay`: nothing of the process may run between the place and its end. */
function act(failpoints: (Failpoint & { hits: number })[], detail: string): void | Promise<void> {
  let wait: Promise<void> | undefined;
  for (const failpoint of failpoints) {
    const { name, action, at } = failpoint;
    failpoint.hits += 1;
    if (at !== undefined && failpoint.hits !== at) continue;
    if (action.kind === 'log') appendFileSync(action.file, `${name} ${detail}\n`);
    else if (action.kind === 'kill') process.kill(process.pid, 'SIGKILL');
    else if (action.kind === 'error') throw new AppError('UNAVAILABLE', `failpoint ${name}`);
    else wait = delay(action.ms);
  }
  return wait;
}
