import { mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import fc from 'fast-check';
import { externalData } from './onnx-external-data.ts';
import { externalTensor, field, onnx, varint } from './testing/version-folder.ts';
import { checkExternalData } from './verify.ts';

let dir: string;
let file: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'onnx-'));
  file = join(dir, 'model.onnx');
});

afterEach(() => rm(dir, { recursive: true, force: true }));

test('finds external files wherever a tensor may be', async () => {
  const tensor = (location: string) => externalTensor({ location, offset: '4', length: '6' });
  const inAttribute = field(1, field(5, field(5, tensor('attribute'))));
  const inSubgraph = field(1, field(5, field(6, field(5, tensor('subgraph')))));
  const inSparse = field(15, field(1, tensor('sparse')));
  const graph = field(7, Buffer.concat([inAttribute, inSubgraph, inSparse, field(5, tensor('initializer'))]));
  const inFunction = field(25, field(7, field(5, field(10, tensor('function')))));
  const inTraining = field(20, field(2, field(5, tensor('training'))));
  await writeFile(file, Buffer.concat([graph, inFunction, inTraining]));
  const found = await externalData(file);
  expect(found.map(({ location }) => location)).toEqual(['attribute', 'subgraph', 'sparse', 'initializer', 'function', 'training']); // prettier-ignore
  expect(found[0]?.end).toBe(10);
});

test('passes over tensors that are larger than what is read at once', async () => {
  const large = field(9, Buffer.alloc(1_000_000, 0xff));
  await writeFile(file, onnx([large, externalTensor({ location: 'w' }), large, externalTensor({ location: 'v' })])); // prettier-ignore
  expect((await externalData(file)).map(({ location }) => location)).toEqual(['w', 'v']);
});

test('a real model without external data has none', async () => {
  expect(await externalData(resolve(__dirname, '../../../models/simple/1/model.onnx'))).toEqual([]);
});

test('a truncated model is refused', async () => {
  const whole = onnx([field(9, Buffer.alloc(1000))]);
  await writeFile(file, whole);
  await expect(externalData(file)).resolves.toEqual([]);
  await truncate(file, whole.length - 1);
  await expect(externalData(file)).rejects.toThrow('truncated');
  await truncate(file, 0);
  await expect(externalData(file)).rejects.toThrow('empty');
});

test.each([
  ['a number without an end', Buffer.alloc(16, 0xff), 'does not end'],
  ['a group', Buffer.from([0x3b]), 'unknown kind of field'],
  ['a length beyond all bounds', Buffer.concat([varint(7 * 8 + 2), varint(2 ** 50)]), 'too long'],
  ['an offset that is no number', onnx([externalTensor({ location: 'w', offset: '-1' })]), 'offset is not'],
  ['an endless name', onnx([externalTensor({ location: 'w'.repeat(5000) })]), '5000 bytes'],
])('%s is refused', async (_, bytes, message) => {
  await writeFile(file, bytes);
  await expect(externalData(file)).rejects.toThrow(message);
});

test('depth is bounded', async () => {
  let graph: Buffer = Buffer.alloc(0);
  for (let n = 0; n < 60; n += 1) graph = field(1, field(5, field(6, graph)));
  await writeFile(file, field(7, graph));
  await expect(externalData(file)).rejects.toThrow('messages deep');
});

test('whatever bytes come, the walk ends with an answer or an error', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
      await writeFile(file, bytes);
      const answer = await externalData(file).catch((error: unknown) => error);
      expect(Array.isArray(answer) || answer instanceof Error).toBe(true);
    }),
    { numRuns: 200 },
  );
});

test.each(['/etc/hostname', '../secret.bin', 'a/../../secret.bin', ''])(
  'external data at %j are refused',
  async (location) => {
    await writeFile(file, onnx([externalTensor({ location })]));
    await expect(checkExternalData(file)).rejects.toThrow('must lie beside the model');
  },
);

test('external data must be there, long enough and no link', async () => {
  await writeFile(file, onnx([externalTensor({ location: 'w.bin', offset: '4', length: '4' })]));
  await expect(checkExternalData(file)).rejects.toThrow('ENOENT');
  await writeFile(join(dir, 'w.bin'), '1234567');
  await expect(checkExternalData(file)).rejects.toThrow('has 7 bytes, the model needs 8');
  await writeFile(join(dir, 'w.bin'), '12345678');
  await expect(checkExternalData(file)).resolves.toBeUndefined();
  await rm(join(dir, 'w.bin'));
  await symlink('/etc/hostname', join(dir, 'w.bin'));
  await expect(checkExternalData(file)).rejects.toThrow('is a link');
});
