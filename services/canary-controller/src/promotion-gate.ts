import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { gatePolicySchema, type GatePolicy } from '@frontier/contracts/gates';
import type { Rollout } from '@frontier/contracts/rollout';
import { missingGate } from '@frontier/policy/gates';
import { parse } from 'yaml';
import { z } from 'zod';
import type { Tools } from './ports.ts';

const FILE = 'gates.yaml';
const MAX_BYTES = 1024 * 1024;

/** The gates as the control service judges them; read anew, so a change counts at once. Throws with the reason. */
export async function readGatePolicy(folder: string): Promise<GatePolicy> {
  const path = join(folder, FILE);
  if ((await stat(path)).size > MAX_BYTES) throw new Error(`${FILE} has more than ${MAX_BYTES} bytes`);
  const parsed = gatePolicySchema.safeParse(parse(await readFile(path, 'utf8'), { maxAliasCount: 0 }));
  if (parsed.success) return parsed.data;
  throw new Error(z.prettifyError(parsed.error));
}

/** What has to happen before this canary may have all traffic, and who can do it; undefined: nothing. */
export async function unmetGate(
  { registry, gatePolicy }: Pick<Tools, 'registry' | 'gatePolicy'>,
  { model, canary }: Rollout,
): Promise<string | undefined> {
  const version = await registry.version(model, canary);
  if (!version) return `version ${canary} is not registered: register it and have its gates judged`;
  try {
    return missingGate(await gatePolicy(), { version, gates: await registry.gates(model, canary) }, 'G5');
  } catch (error) {
    return `its gates cannot be looked at (GOVERNANCE_FOLDER): ${(error as Error).message}`;
  }
}
