import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError } from '@frontier/contracts/errors';
import { GATES } from '@frontier/contracts/registry';
import { readGovernance } from './governance.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'frontier-governance-'));
  await cp('governance', folder, { recursive: true });
});
afterEach(() => rm(folder, { recursive: true }));

test('the files of this repository are right, and a change of one changes their hash', async () => {
  const { policy, kpis, risks, sha256 } = await readGovernance(folder);
  expect(policy.rubric).toEqual({
    weights: { quality: 0.4, safety: 0.2, performance: 0.2, cost: 0.2 },
    pass: 0.75,
  });
  expect(Object.keys(policy.gates)).toEqual(GATES);
  expect([kpis.length > 0, risks.length > 0]).toEqual([true, true]);
  await writeFile(join(folder, 'risk_register.csv'), 'id,model,severity,status,owner,risk,mitigation\n');
  expect((await readGovernance(folder)).sha256).not.toBe(sha256);
});

test.each([
  ['gates: [', /gates\.yaml:\d+: /],
  [
    'rubric: { weights: { quality: 1, safety: 1, performance: 0, cost: 0 }, pass: 0.75 }',
    /gates\.yaml:1: rubric\.weights: the weights must add up to 1/,
  ],
  ['moves:\n  - { from: draft, to: heaven }', /gates\.yaml:2: moves\.0\.to/],
  ['licences: [MIT]\nodd: 1', /gates\.yaml:2: odd/],
])('%j is refused with its line', async (yaml, fault) => {
  await writeFile(join(folder, 'gates.yaml'), yaml);
  const error = (await readGovernance(folder).catch((thrown: unknown) => thrown)) as AppError;
  expect(error.code).toBe('UNAVAILABLE');
  expect(String(error.details?.['faults'])).toMatch(fault);
});

test('a file that is missing is named', async () => {
  await rm(join(folder, 'risk_register.csv'));
  await expect(readGovernance(folder)).rejects.toThrow(/risk_register\.csv/);
});
