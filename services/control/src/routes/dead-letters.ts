import { FAILURE_KINDS, type DeadLetter } from '@frontier/contracts/dead-letter';
import { AppError } from '@frontier/contracts/errors';
import type { AuditStore } from '@frontier/contracts/registry';
import { z } from 'zod';
import type { DeadLetterSource } from '../dead-letters.ts';
import { audit, route, type Route } from '../http/route.ts';
import { given, id, model, page, why } from '../http/schemas.ts';

const MAX_TIMEOUT_S = 86_400;
const letterParams = z.strictObject({ id });
const time = z.coerce.number().int().min(0).optional();

/** Dead letters, to be looked at. Payloads are the tenants' and shown to nobody. */
export function deadLetterRoutes(open: () => Promise<DeadLetterSource>): Route[] {
  return [
    route({
      method: 'get',
      path: '/admin/dead-letters',
      summary: 'Dead letters by kind of failure, then oldest first; `more`: there are others',
      role: 'viewer',
      query: z.strictObject({
        limit: page.limit,
        kind: z.enum(FAILURE_KINDS).optional(),
        model: model.optional(),
        tenant: z.string().min(1).max(64).optional(),
        before: time.describe('Unix ms: only what died before'),
        after: time.describe('Unix ms: only what died then or later'),
      }),
      async handle({ query: { limit, ...filter } }) {
        const letters: object[] = [];
        for await (const letter of (await open()).all(given(filter))) {
          if (letters.length === limit) return { data: { letters, more: true } };
          letters.push(summary(letter));
        }
        return { data: { letters, more: false } };
      },
    }),
    route({
      method: 'get',
      path: '/admin/dead-letters/{id}',
      summary: 'All that is known of one but its payload',
      role: 'viewer',
      params: letterParams,
      async handle({ params }) {
        const letters = await open();
        const letter = await needLetter(letters, params.id);
        return { data: full(letter, await letters.payloadBytes(letter)) };
      },
    }),
  ];
}

/** Dead letters that run again or go. */
export function deadLetterChanges(open: () => Promise<DeadLetterSource>, log: AuditStore): Route[] {
  return [
    route({
      method: 'post',
      path: '/admin/dead-letters/{id}/redrive',
      summary: 'Runs it again as a new request, whose id is answered',
      role: 'operator',
      params: letterParams,
      body: z.strictObject({ timeoutS: z.int().min(1).max(MAX_TIMEOUT_S).optional(), why }),
      async handle({ caller, params, body: { timeoutS, why } }) {
        const letters = await open();
        const letter = await needLetter(letters, params.id);
        const redrivenAs = await letters.redrive(
          letter,
          timeoutS === undefined ? undefined : timeoutS * 1_000,
        );
        await log.append(audit(caller, 'dead-letter.redrive', `dead-letter/${letter.id}`, { before: summary(letter), after: { redrivenAs }, why })); // prettier-ignore
        return { data: { id: letter.id, redrivenAs } };
      },
    }),
    route({
      method: 'post',
      path: '/admin/dead-letters/{id}/purge',
      summary: 'Deletes it for good',
      role: 'operator',
      params: letterParams,
      body: z.strictObject({ why }),
      async handle({ caller, params, body: { why } }) {
        const letters = await open();
        const letter = await needLetter(letters, params.id);
        // First the log: what is gone without a trace is worse than a trace of what is still there.
        await log.append(audit(caller, 'dead-letter.purge', `dead-letter/${letter.id}`, { before: summary(letter), why })); // prettier-ignore
        return { data: { id: letter.id, purged: await letters.remove(letter) } };
      },
    }),
  ];
}

async function needLetter(letters: DeadLetterSource, letter: string): Promise<DeadLetter> {
  const found = await letters.find(letter);
  if (!found)
    throw new AppError(
      'NOT_FOUND',
      `no dead letter ${letter}: it was redriven, purged, or is over 7 days old`,
    );
  return found;
}

function summary({ id, kind, model, version, tenant, error, attempts, diedAt, request }: DeadLetter) {
  return {
    id,
    kind,
    model,
    version,
    tenant,
    errorCode: error.code,
    attempts,
    redrives: request.redrives ?? 0,
    diedAt,
  };
}

function full(letter: DeadLetter, payloadBytes: number | undefined) {
  const { shard, error, crashes, request } = letter;
  return {
    ...summary(letter),
    crashes,
    redriveOf: request.redriveOf ?? null,
    priority: shard.priority,
    pool: shard.pool,
    shard: shard.index,
    error,
    mode: request.mode,
    timeoutMs: request.timeoutMs,
    params: request.params ?? null,
    payloadBytes: payloadBytes ?? null,
    history: request.failures ?? [],
  };
}
