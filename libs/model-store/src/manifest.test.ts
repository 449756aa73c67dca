import { link, mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isContained, makeManifest, manifestText, parseManifest, verifyManifest, type Manifest } from './manifest.ts'; // prettier-ignore
import { makeVersion } from './testing/version-folder.ts';

let root: string;
let folder: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'manifest-'));
  folder = await makeVersion(root, 'a', '1', { 'b/weights.bin': 'weights', 'B.txt': '' });
});

afterEach(() => rm(root, { recursive: true, force: true }));

async function faultOf(manifest: Manifest): Promise<string> {
  return verifyManifest(folder, manifest).then(
    () => 'none',
    (error: Error) => error.message,
  );
}

test('lists every file with size and SHA-256, sorted, and is read back as it was', async () => {
  const manifest = await makeManifest(folder, 'a', '1');
  expect(manifest.files.map((file) => file.path)).toEqual(['B.txt', 'b/weights.bin', 'model.onnx', 'model.yaml']); // prettier-ignore
  expect(manifest.files[0]).toEqual({
    path: 'B.txt',
    size: 0,
    sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  });
  await writeFile(join(folder, 'manifest.json'), manifestText(manifest));
  expect(await faultOf(manifest)).toBe('none');
  const { manifest: read, digest } = parseManifest(Buffer.from(manifestText(manifest)));
  expect(read).toEqual(manifest);
  expect(digest).toMatch(/^sha256:[0-9a-f]{64}$/);
});

test('what differs from the manifest is named', async () => {
  const manifest = await makeManifest(folder, 'a', '1');
  await writeFile(join(folder, 'b/weights.bin'), 'Weights');
  expect(await faultOf(manifest)).toBe('b/weights.bin: its SHA-256 is not that of manifest.json');
  await truncate(join(folder, 'b/weights.bin'), 3);
  expect(await faultOf(manifest)).toBe('b/weights.bin: has 3 bytes, manifest.json says 7');
  await rm(join(folder, 'b/weights.bin'));
  expect(await faultOf(manifest)).toBe('b/weights.bin: is missing');
  await writeFile(join(folder, 'more.bin'), 'x');
  expect(await faultOf(manifest)).toBe('more.bin: is not in manifest.json');
});

test('a symbolic link is refused even where its target has the right content', async () => {
  const manifest = await makeManifest(folder, 'a', '1');
  await writeFile(join(root, 'outside'), 'weights');
  await rm(join(folder, 'b/weights.bin'));
  await symlink(join(root, 'outside'), join(folder, 'b/weights.bin'));
  expect(await faultOf(manifest)).toContain('b/weights.bin: is a link');
  await expect(makeManifest(folder, 'a', '1')).rejects.toThrow('is a link');
});

test('a folder that is a link is not entered', async () => {
  await mkdir(join(root, 'outside'));
  await symlink(join(root, 'outside'), join(folder, 'c'));
  await expect(makeManifest(folder, 'a', '1')).rejects.toThrow('c: is a link');
});

test('a file with another name elsewhere is refused', async () => {
  await link(join(folder, 'b/weights.bin'), join(root, 'other-name'));
  await expect(makeManifest(folder, 'a', '1')).rejects.toThrow('b/weights.bin: has another name');
});

test('a hidden file does not belong into a version', async () => {
  await writeFile(join(folder, '.env'), 'x');
  await expect(makeManifest(folder, 'a', '1')).rejects.toThrow('hidden');
});

test.each([
  '../x',
  '/etc/passwd',
  'a/../../x',
  'a//b',
  './a',
  'a/',
  '',
  'a\\b',
  'C:/x',
  'a\u0000b',
  'a/.git/x',
])('a manifest must not list the path %j', (path) => {
  expect(isContained(path)).toBe(false);
  const manifest = text({ files: [{ path, sha256: '0'.repeat(64), size: 1 }] });
  expect(() => parseManifest(manifest)).toThrow('must be a relative path');
});

const file = { path: 'x', sha256: '0'.repeat(64), size: 1 };

test.each([
  ['not JSON', Buffer.from('{'), 'not JSON'],
  ['an unknown field', text({ more: 1 }), 'more'],
  ['no file', text({ files: [] }), 'files'],
  ['too many files', text({ files: Array.from({ length: 10_001 }, (_, n) => ({ ...file, path: `f${n}` })) }), 'files'], // prettier-ignore
  ['a file twice', text({ files: [file, file] }), 'names a file twice'],
  ['itself', text({ files: [{ ...file, path: 'manifest.json' }] }), 'must not list itself'],
  ['more bytes than any model has', text({ files: [{ ...file, size: 2 ** 52 }] }), 'size'],
  ['too many bytes in all', text({ files: [1, 2].map((n) => ({ ...file, path: `f${n}`, size: 2 ** 37 + 1 })) }), 'bytes in all'], // prettier-ignore
  ['another order of fields', text({}, 0), 'not in canonical form'],
])('a manifest with %s is refused', (_, bytes, message) => {
  expect(() => parseManifest(bytes)).toThrow(message);
});

function text(change: object, indent = 2): Buffer {
  const manifest = {
    schema: 'frontier.model-manifest/v1',
    name: 'a',
    version: '1',
    files: [file],
    ...change,
  };
  return Buffer.from(`${JSON.stringify(manifest, undefined, indent)}\n`);
}
