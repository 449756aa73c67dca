import { AppError } from '@frontier/contracts/errors';
import { parseDocument, stringify } from 'yaml';
import { z } from 'zod';

/** Two sets of worker pods; each holds one version, so that a promotion swaps roles and loads nothing. */
const SLOTS = ['blue', 'green'] as const;
export type Slot = (typeof SLOTS)[number];

const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, 'must be sha256:<64 hex digits>');
const release = {
  version: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/),
  digest,
  slot: z.enum(SLOTS),
};

export const environmentName = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'must be lower-case letters, digits and `-`'); // prettier-ignore
export const modelName = z.string().regex(/^[a-z0-9](?!.*\.\.)[a-z0-9._-]{0,127}$/, 'must be a name of a model'); // prettier-ignore
export const decisionId = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/);

/** What `envs/<env>/models/<model>.yaml` holds. */
export const environmentFileSchema = z
  .strictObject({
    schema: z.literal(1),
    environment: environmentName,
    model: modelName,
    stable: z.strictObject(release),
    /**
     * The other slot. `shadow` and `canary`: on its way to stable. `standby`: was stable until the last promotion and
     * stays loaded, so that going back loads nothing either.
     */
    candidate: z.strictObject({ ...release, mode: z.enum(['shadow', 'canary', 'standby']) }).nullable(),
    /** Digests that may not become candidate. */
    blocked: z.array(digest),
    /** Of the last change. */
    decisionId,
  })
  .refine(({ stable, candidate }) => stable.slot !== candidate?.slot, 'both versions are in one slot');

export type EnvironmentFile = z.output<typeof environmentFileSchema>;

/** A version by name and by the digest of its manifest. */
export interface Release {
  version: string;
  digest: string;
}

/** The changes that a file can see. Each is refused unless the file is as the decision saw it. */
export type Change =
  /** The first file of a model: what it serves already. */
  | { kind: 'begin'; release: Release }
  /** Into the idle slot; or a shadow that becomes a canary. */
  | { kind: 'propose'; release: Release; mode: 'shadow' | 'canary' }
  /** The candidate becomes stable, the stable one `standby`. */
  | { kind: 'promote'; digest: string }
  /** A candidate goes; a stable version that has its predecessor in standby goes back to it. */
  | { kind: 'rollback'; digest: string; block: boolean }
  /** The watch after a promotion is over: the predecessor may be unloaded. */
  | { kind: 'settle'; digest: string }
  | { kind: 'unblock'; digest: string };

/** Why a change was refused; `stable-changed` and `candidate-changed`: decide again on what is there now. */
export type RefusalReason = 'stable-changed' | 'candidate-changed' | 'blocked' | 'not-blocked' | 'missing' | 'exists' | 'not-stable-before' | 'decision-reused' | 'file-invalid'; // prettier-ignore

export function refusal(reason: RefusalReason, message: string): AppError {
  return new AppError('CONFLICT', message, { details: { reason } });
}

const HEAD = '# Written by a machine; its commits say why. Not to be edited.\n';

export function renderFile(file: EnvironmentFile): string {
  return HEAD + stringify(file, { lineWidth: 0 });
}

/** Throws CONFLICT with path and line when the text is not such a file, or one of another place. */
export function parseFile(path: string, text: string, environment: string, model: string): EnvironmentFile {
  const document = parseDocument(text);
  const fault = document.errors[0];
  if (fault) throw refusal('file-invalid', `${path}: ${fault.message.split('\n')[0]}: repair it in Git`);
  const parsed = environmentFileSchema.safeParse(document.toJS());
  if (!parsed.success) {
    const { path: at, message } = parsed.error.issues[0] as z.core.$ZodIssue;
    throw refusal('file-invalid', `${path}: ${at.join('.') || 'file'}: ${message}: repair it in Git`);
  }
  if (parsed.data.environment !== environment || parsed.data.model !== model)
    throw refusal('file-invalid', `${path} says ${parsed.data.environment}/${parsed.data.model}`);
  return parsed.data;
}

/**
 * The file after a change; pure. `expectedStable`: digest of the stable version that the decision was made on.
 * Throws CONFLICT with `details.reason`.
 */
export function applyChange(
  file: EnvironmentFile,
  change: Exclude<Change, { kind: 'begin' }>,
  expectedStable: string,
): EnvironmentFile {
  if (file.stable.digest !== expectedStable) {
    const now = `${file.stable.version} (${file.stable.digest})`;
    throw refusal('stable-changed', `stable is ${now}, the decision was made on ${expectedStable}: decide again`); // prettier-ignore
  }
  switch (change.kind) {
    case 'propose':
      return propose(file, change.release, change.mode);
    case 'promote':
      return promote(file, change.digest);
    case 'rollback':
      return rollback(file, change.digest, change.block);
    case 'settle':
      if (file.candidate?.mode !== 'standby' || file.candidate.digest !== change.digest)
        throw candidateChanged(file, change.digest);
      return { ...file, candidate: null };
    case 'unblock':
      if (!file.blocked.includes(change.digest))
        throw refusal('not-blocked', `${change.digest} is not blocked`);
      return { ...file, blocked: file.blocked.filter((digest) => digest !== change.digest) };
  }
}

function propose(file: EnvironmentFile, { version, digest }: Release, mode: 'shadow' | 'canary') {
  const { stable, candidate, blocked } = file;
  if (blocked.includes(digest))
    throw refusal('blocked', `${digest} is blocked in ${file.environment}: publish a new digest or unblock it`); // prettier-ignore
  if (digest === stable.digest) throw refusal('exists', `${version} is stable already`);
  const other = candidate && candidate.mode !== 'standby' && candidate.digest !== digest;
  if (other) throw candidateChanged(file, digest);
  const slot: Slot = stable.slot === 'blue' ? 'green' : 'blue';
  return { ...file, candidate: { version, digest, slot, mode } };
}

function promote(file: EnvironmentFile, digest: string): EnvironmentFile {
  const { stable, candidate } = file;
  if (candidate?.digest !== digest || candidate.mode !== 'canary') throw candidateChanged(file, digest);
  const { mode: _, ...release } = candidate;
  return { ...file, stable: release, candidate: { ...stable, mode: 'standby' } };
}

function rollback(file: EnvironmentFile, digest: string, block: boolean): EnvironmentFile {
  const { stable, candidate } = file;
  const blocked = block && !file.blocked.includes(digest) ? [...file.blocked, digest] : file.blocked;
  if (candidate?.digest === digest && candidate.mode !== 'standby') return { ...file, candidate: null, blocked }; // prettier-ignore
  if (stable.digest !== digest || candidate?.mode !== 'standby') throw candidateChanged(file, digest);
  const { mode: _, ...release } = candidate;
  return { ...file, stable: release, candidate: null, blocked };
}

function candidateChanged({ candidate }: EnvironmentFile, digest: string): AppError {
  const now = candidate ? `${candidate.version} (${candidate.digest}), ${candidate.mode}` : 'none';
  return refusal('candidate-changed', `the candidate is ${now}, the decision is about ${digest}: decide again`); // prettier-ignore
}
