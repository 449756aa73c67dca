import { execFile, type ExecFileException } from 'node:child_process';
import { appendFile, cp, mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/*
 * The programs of the images that seal and fetch models, as processes of their own, on the sources.
 */

const ROOT = join(__dirname, '../..');
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'frontier-images-'));
});
afterEach(() => rm(folder, { recursive: true }));

function run(program: string, args: string[], env = {}): Promise<{ code: number | string; output: string }> {
  return new Promise((resolve) => {
    const done = (error: ExecFileException | null, stdout: string, stderr: string) =>
      resolve({ code: error?.code ?? 0, output: stdout + stderr });
    const all = ['--conditions=source', '--no-warnings', join(ROOT, 'images', program), ...args];
    execFile(process.execPath, all, { env: { PATH: process.env['PATH'], ...env } }, done);
  });
}

/** Two of the models that ship: one with all its files, one with those of a package. */
async function sealed(): Promise<{ repository: string; digest: string }> {
  const models = join(folder, 'models');
  for (const name of ['simple', 'ocr-recognise'])
    await cp(join(ROOT, 'models', name), join(models, name), { recursive: true });
  const repository = join(folder, 'sealed');
  const { code, output } = await run('seal-models.mjs', [models, repository]);
  expect({ code, output }).toMatchObject({ code: 0 });
  return { repository, digest: /^simple@1 (sha256:[0-9a-f]{64})$/m.exec(output)?.[1] ?? '' };
}

test('a sealed model holds the files of packages itself', async () => {
  const { repository } = await sealed();
  const version = join(repository, 'ocr-recognise/1');
  expect(await readFile(join(version, 'model.yaml'), 'utf8')).not.toContain('package:');
  expect(await readdir(version)).toEqual(
    expect.arrayContaining(['ch_PP-OCRv4_rec_infer.onnx', 'ppocr_keys_v1.txt', 'manifest.json']),
  );
});

test('fetch-model copies a version once, refuses another digest and replaces what is damaged', async () => {
  const { repository, digest } = await sealed();
  const slot = join(folder, 'slot');
  const fetchModel = (reference: string) =>
    run('bin/fetch-model.mjs', [slot, reference], { MODEL_REPOSITORY: repository });
  expect(await fetchModel(`simple@1@${digest}`)).toEqual({ code: 0, output: `simple@1 ${digest} copied\n` });
  expect(await fetchModel('simple@1')).toEqual({ code: 0, output: `simple@1 ${digest} is there\n` });

  const other = await fetchModel(`ocr-recognise@1@${digest}`);
  expect(other).toMatchObject({ code: 1, output: expect.stringContaining(`${digest} was asked for`) });
  expect(await readdir(join(slot, 'ocr-recognise'))).toEqual([]);

  await appendFile(join(slot, 'simple/1/model.onnx'), 'x');
  expect(await fetchModel('simple@1')).toEqual({ code: 0, output: `simple@1 ${digest} copied\n` });
  expect(await readFile(join(slot, 'simple/1/model.onnx'))).toEqual(
    await readFile(join(repository, 'simple/1/model.onnx')),
  );
});

test('fetch-model names where a version is not, and what a reference looks like', async () => {
  const settings = { MODEL_REPOSITORY: folder };
  const missing = await run('bin/fetch-model.mjs', [folder, 'nope@1'], settings);
  expect(missing).toMatchObject({ code: 1, output: expect.stringContaining(`is not in ${folder}`) });
  const wrong = await run('bin/fetch-model.mjs', [folder, '../nope'], settings);
  expect(wrong).toMatchObject({ code: 1, output: expect.stringContaining('must be <name>@<version>') });
});
