import { execFileSync, fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@frontier/kit/logger';
import { openStores } from '@frontier/database/stores';

/* The script is tested from outside, as a process, on the compiled libraries: these are built first. */

const root = join(__dirname, '..');
const log = createLogger({ service: 'test', level: 'silent' });
const entry = { who: 'ada', action: 'test', subject: 'test/1', before: null, after: null, why: 'because' };

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'frontier-database-'));
  execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '--build', 'libs/database'], {
    cwd: root,
  });
}, 120_000);

afterAll(() => rm(folder, { recursive: true }));

async function start(): Promise<{ child: ChildProcess; url: string }> {
  const child = fork(join(root, 'scripts/database.mjs'), ['0', folder], { cwd: root, silent: true });
  const [line] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
  const { url } = JSON.parse(line.toString()) as { url: string };
  return { child, url };
}

it('keeps what it has promised when it is killed, and ends with its supervisor', async () => {
  const first = await start();
  const before = await openStores({ url: first.url, log });
  const appended = await before.audit.append(entry);
  first.child.kill('SIGKILL');
  await once(first.child, 'exit');
  await before.close();
  const second = await start();
  const after = await openStores({ url: second.url, log });
  expect((await after.audit.list({}, 10)).items).toEqual([appended]);
  await after.close();
  second.child.disconnect();
  expect(await once(second.child, 'exit')).toEqual([0, null]);
}, 60_000);
