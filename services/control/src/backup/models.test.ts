import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sealVersion } from '@frontier/model-store/seal';
import { makeVersion } from '@frontier/model-store/testing/version-folder';
import { copyVersions, modelCopies, repositoryAt } from './models.ts';

let root: string;
beforeEach(async () => (root = await mkdtemp(join(tmpdir(), 'frontier-backup-models-'))));
afterEach(() => rm(root, { recursive: true }));

test('versions are copied once, come back the same, and are never replaced', async () => {
  const source = join(root, 'source');
  for (const version of ['1', '2']) await sealVersion(await makeVersion(source, 'small', version));
  const from = repositoryAt(source, {});
  const copies = modelCopies(root);
  await mkdir(join(root, 'models'));
  const work = join(root, 'work');
  expect((await copyVersions(from, copies, work)).copied).toHaveLength(2);
  expect(await copyVersions(from, copies, work)).toEqual({ copied: [], faults: [] });
  expect(await readdir(work)).toEqual([]);

  const restored = repositoryAt(join(root, 'restored'), {});
  await mkdir(join(root, 'restored'));
  await copyVersions(copies, restored, work);
  expect(await restored.digest('small', '2')).toBe(await from.digest('small', '2'));

  await makeVersion(source, 'small', '2', { 'more.txt': 'changed' });
  await sealVersion(join(source, 'small', '2'));
  const { copied, faults } = await copyVersions(from, copies, work);
  expect(copied).toEqual([]);
  expect(faults.join()).toMatch(/^small@2: .* has it as sha256:/);
});

test('a version that is not sound does not hide the others', async () => {
  const source = join(root, 'source');
  await sealVersion(await makeVersion(source, 'good', '1'));
  await makeVersion(source, 'unsealed', '1');
  await writeFile(join(await makeVersion(source, 'broken', '1'), 'manifest.json'), 'no manifest');
  await mkdir(join(root, 'models'));
  const { copied, faults } = await copyVersions(repositoryAt(source, {}), modelCopies(root), join(root, 'work')); // prettier-ignore
  expect(copied.join()).toMatch(/^good@1 sha256:/);
  expect(faults.map((fault) => fault.split(':')[0])).toEqual(['broken@1', 'unsealed@1']);
});
