import { GATES } from '@frontier/contracts/registry';
import { z } from 'zod';
import { decisionId, type Change } from './environment-file.ts';

/** A name that cannot end its line in a commit message or pass for an address. */
const person = z.string().regex(/^[^\p{C}\p{Z}<>][^\p{C}<>]{0,127}$/u, 'must be one line without < and >');

export const reasonSchema = z.strictObject({
  /** Of the decision in the rollout's log; the same one again changes nothing. */
  decisionId,
  /** Of the evidence that it was made on. */
  evidenceSha256: z.string().regex(/^sha256:[0-9a-f]{64}$/),
  gate: z.enum(GATES),
  /** A person or a machine. */
  requestedBy: person,
  /** Somebody else; null only where none is needed: begin, rollback, settle. */
  approvedBy: person.nullable(),
});

/** Why a commit was made: its trailers. */
export type Reason = z.output<typeof reasonSchema>;

/** One line that says all of a change, so that two changes under one decision id are told apart. */
export function sentenceOf(
  { environment, model }: { environment: string; model: string },
  change: Change,
): string {
  const place = `${environment}/${model}`;
  switch (change.kind) {
    case 'begin':
      return `${place}: begin with ${change.release.version} ${change.release.digest}`;
    case 'propose':
      return `${place}: ${change.mode} ${change.release.version} ${change.release.digest}`;
    case 'rollback':
      return `${place}: rollback ${change.digest}${change.block ? ', blocked' : ''}`;
    case 'promote':
    case 'settle':
    case 'unblock':
      return `${place}: ${change.kind} ${change.digest}`;
  }
}

export const DECISION_TRAILER = 'Decision-Id';

export function message(sentence: string, reason: Reason): string {
  const trailers = [
    `${DECISION_TRAILER}: ${reason.decisionId}`,
    `Evidence-SHA256: ${reason.evidenceSha256.slice('sha256:'.length)}`,
    `Gate: ${reason.gate}`,
    `Requested-by: ${reason.requestedBy}`,
    ...(reason.approvedBy === null ? [] : [`Approved-by: ${reason.approvedBy}`]),
  ];
  return `${sentence}\n\n${trailers.join('\n')}\n`;
}
