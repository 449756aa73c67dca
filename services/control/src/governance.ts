import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@frontier/contracts/errors';
import { gatePolicySchema, type GatePolicy, type Governance } from '@frontier/contracts/gates';
import { readKpis, readRisks } from '@frontier/policy/gates-csv';
import { isNode, LineCounter, parseDocument } from 'yaml';

const FILES = { policy: 'gates.yaml', kpis: 'kpi_acceptance.csv', risks: 'risk_register.csv' } as const;
const MAX_BYTES = 1024 * 1024;
const MAX_FAULTS = 20;

/** The files and their hash, which every judgement is recorded with. */
export type StoredGovernance = Governance & { sha256: string };

/**
 * Reads the three files anew, so a change of them counts from the next judgement on. Throws UNAVAILABLE with file and
 * line of each fault: nothing is judged by half a policy.
 */
export async function readGovernance(folder: string): Promise<StoredGovernance> {
  try {
    const [policy, kpis, risks] = await Promise.all(
      Object.values(FILES).map((file) => text(join(folder, file))),
    );
    const sha256 = createHash('sha256')
      .update(JSON.stringify([policy, kpis, risks]))
      .digest('hex');
    return {
      policy: readPolicy(policy as string),
      kpis: readKpis(kpis as string, FILES.kpis),
      risks: readRisks(risks as string, FILES.risks),
      sha256: `sha256:${sha256}`,
    };
  } catch (error) {
    const { message, details } = error instanceof AppError ? error : AppError.from(error);
    const said = error instanceof AppError ? message : (error as Error).message;
    throw new AppError('UNAVAILABLE', `the policy cannot be read, correct it first: ${said}`, {
      details,
      cause: error,
    });
  }
}

async function text(path: string): Promise<string> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    if (size > MAX_BYTES) throw new AppError('INVALID_INPUT', `${path}: over ${MAX_BYTES} bytes`);
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

function readPolicy(source: string): GatePolicy {
  const lines = new LineCounter();
  const document = parseDocument(source, { lineCounter: lines, prettyErrors: false });
  const [error] = document.errors;
  if (error) throw broken([`${FILES.policy}:${lines.linePos(error.pos[0]).line}: ${error.message}`]);
  const parsed = gatePolicySchema.safeParse(document.toJS({ maxAliasCount: 0 }));
  if (parsed.success) return parsed.data;
  throw broken(
    parsed.error.issues.map((issue) => {
      const path = issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0] ?? ''] : issue.path;
      return `${FILES.policy}:${lineOf(path)}: ${path.join('.')}: ${issue.message}`;
    }),
  );

  /** Of the nearest thing on the way there that is written down. */
  function lineOf(path: readonly PropertyKey[]): number {
    for (let length = path.length; length > 0; length -= 1) {
      const node = document.getIn(path.slice(0, length), true);
      if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
    }
    return 1;
  }
}

function broken(faults: string[]): AppError {
  return new AppError('INVALID_INPUT', faults[0] as string, {
    details: { faults: faults.slice(0, MAX_FAULTS) },
  });
}
