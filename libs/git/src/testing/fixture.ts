import { randomUUID } from 'node:crypto';
import { createLogger } from '@frontier/kit/logger';
import { join } from 'node:path';
import { Promotions, type Reason } from '../promotions.ts';
import type { Remote } from '../remote.ts';

export const never: AbortSignal = new AbortController().signal;
const log = createLogger({ service: 'test', level: 'silent' });

/** `sha256:` and one digit, 64 times. */
const digestOf = (digit: string) => `sha256:${digit.repeat(64)}`;

export const release = (version: string) => ({ version, digest: digestOf(version) });

export function reason(decisionId: string, overrides: Partial<Reason> = {}): Reason {
  return { decisionId, evidenceSha256: digestOf('e'), gate: 'G4', requestedBy: 'controller', approvedBy: 'Ada', ...overrides }; // prettier-ignore
}

/** A controller with a folder of its own under `folder`. */
export function promotionsOn(
  remote: Remote | string,
  folder: string,
  environments = ['prod'],
  timeoutMs = 15_000,
): Promotions {
  // prettier-ignore
  return new Promotions({
    remote: typeof remote === 'string' ? { url: remote } : remote,
    branch: 'main',
    folder: join(folder, `clone-${randomUUID()}`),
    author: { name: 'Frontier', email: 'frontier@localhost' },
    timeoutMs,
    log,
    environments,
  });
}
