import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Archive } from './archive.ts';

let root: string;
let archive: Archive;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'frontier-backup-'));
  archive = new Archive(root, 'postgresql');
  await mkdir(archive.folder);
});
afterEach(() => rm(root, { recursive: true }));

const write = (name: string, text: string) => writeFile(join(archive.folder, name), text);
const KEEP = { newest: 2, hours: 0, days: 0 };

test('what is new gets its checksum, what is old goes with it', async () => {
  await write('20261121T100000Z.dump', 'one');
  await archive.tend(KEEP);
  await write('20261121T100030Z.dump', 'two');
  await write('20261121T100100Z.dump', 'three');
  await write('.part', 'unfinished');
  await write('last', '7');
  const kept = await archive.tend(KEEP);
  expect(kept.map((dump) => dump.name)).toEqual(['20261121T100100Z.dump', '20261121T100030Z.dump']);
  expect((await readdir(archive.folder)).sort()).toEqual([
    '.part',
    '20261121T100030Z.dump',
    '20261121T100030Z.dump.sha256',
    '20261121T100100Z.dump',
    '20261121T100100Z.dump.sha256',
    'last',
  ]);
  const line = await readFile(join(archive.folder, '20261121T100030Z.dump.sha256'), 'utf8');
  expect(line).toBe('3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3  20261121T100030Z.dump\n');
}); // prettier-ignore

test('a dump that was changed or is empty is found', async () => {
  await write('20261121T100000Z.dump', 'one');
  await write('20261121T100030Z.dump', 'two');
  await archive.tend(KEEP);
  expect(await archive.faults()).toEqual([]);
  await write('20261121T100000Z.dump', '0ne');
  await write('20261121T100030Z.dump', '');
  const faults = await archive.faults();
  expect(faults).toHaveLength(2);
  expect(faults.join('\n')).toMatch(/100030Z\.dump is empty\n.*100000Z\.dump is not what was written/);
});

test('nothing there yet is nothing wrong', async () => {
  const redis = new Archive(root, 'redis');
  expect(await redis.list()).toEqual([]);
  expect(await redis.tend(KEEP)).toEqual([]);
});
