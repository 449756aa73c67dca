import { AppError } from '@frontier/contracts/errors';
import type { RegistryStore } from '@frontier/contracts/registry';
import type { Rollout } from '@frontier/contracts/rollout';

/**
 * Who made the canary, and somebody else who stands for it: who pressed promote, who started the rollout, or who
 * signed the last gate. Throws FORBIDDEN when that is nobody, CONFLICT when the version is not registered.
 */
export async function approverOf(
  registry: Pick<RegistryStore, 'version' | 'gates'>,
  { model, canary, createdBy }: Rollout,
  pressed: string | undefined,
): Promise<{ author: string; approver: string }> {
  const record = await registry.version(model, canary);
  if (!record) throw new AppError('CONFLICT', `version ${canary} of ${model} is not registered`);
  const { author } = record;
  const passed = (await registry.gates(model, canary)).filter((gate) => gate.passed);
  const signers = passed.sort((a, b) => (a.gate < b.gate ? 1 : -1)).map((gate) => gate.approver);
  const approver = [...(pressed === undefined ? [] : [pressed]), createdBy, ...signers].find(
    (name) => !isSame(name, author),
  );
  if (approver !== undefined) return { author, approver };
  throw new AppError('FORBIDDEN', `${author} made version ${canary} of ${model} and alone stands for it: somebody else must start its rollout or sign a gate`); // prettier-ignore
}

export function isSame(one: string, other: string): boolean {
  return one.trim().toLowerCase() === other.trim().toLowerCase();
}
