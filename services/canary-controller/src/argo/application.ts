import { z } from 'zod';

const condition = z.object({ type: z.string(), message: z.string().default('') });

/** What an Argo CD Application says about itself, as far as it is asked. */
export const applicationSchema = z.object({
  metadata: z.object({ deletionTimestamp: z.string().optional() }),
  status: z
    .object({
      sync: z
        .object({
          status: z.string(),
          /** With one source. */
          revision: z.string().optional(),
          /** With several: one each, charts' versions among them. */
          revisions: z.array(z.string()).optional(),
        })
        .optional(),
      health: z.object({ status: z.string().default('Unknown') }).optional(),
      operationState: z.object({ phase: z.string(), message: z.string().default('') }).optional(),
      conditions: z.array(condition).optional(),
    })
    .default({}),
});

export type Application = z.output<typeof applicationSchema>;

const COMMIT = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/;
const MAX_MESSAGE = 300;

/** Commits that what is in the cluster was compared with last. */
export function commitsOf({ status: { sync } }: Application): string[] {
  return [sync?.revision, ...(sync?.revisions ?? [])].filter((one) => one !== undefined && COMMIT.test(one)) as string[]; // prettier-ignore
}

/** Why Argo CD cannot do its work here; undefined: it can. Then it may never see a commit. */
export function errorOf({ metadata, status }: Application): string | undefined {
  if (metadata.deletionTimestamp !== undefined) return 'is being deleted';
  const error = status.conditions?.find(({ type }) => type.endsWith('Error'));
  return error && `has a ${error.type}: ${short(error.message)}`;
}

/** What is wrong with what is in the cluster; undefined: it is what Git says, and it runs. */
export function faultOf({ status: { sync, health, operationState } }: Application): string | undefined {
  // None: it was made anew around objects that were there, and found nothing to do.
  if (operationState && operationState.phase !== 'Succeeded')
    return `has a sync that is ${operationState.phase}: ${short(operationState.message)}`;
  if (sync?.status !== 'Synced') return `is ${sync?.status ?? 'not compared yet'}`;
  if (health?.status !== 'Healthy') return `is ${health?.status ?? 'of unknown health'}`;
  return undefined;
}

function short(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > MAX_MESSAGE ? `${line.slice(0, MAX_MESSAGE)}…` : line;
}
