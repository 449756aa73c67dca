import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** The text of a `model.yaml` that is sound and small. */
export function modelYaml(name: string, version: string, more = ''): string {
  return `name: ${name}
version: ${JSON.stringify(version)}
task: test
platform: onnx
artifact: { file: model.onnx }
inputs: [{ name: x, dtype: FP32, shape: [-1, 2] }]
outputs: [{ name: y, dtype: FP32, shape: [-1, 2] }]
${more}`;
}

/** `<root>/<name>/<version>/` with a model that is well-formed, but computes nothing. */
export async function makeVersion(
  root: string,
  name: string,
  version: string,
  files: Record<string, string | Buffer> = {},
): Promise<string> {
  const folder = join(root, name, version);
  const all = { 'model.yaml': modelYaml(name, version), 'model.onnx': onnx([]), ...files };
  for (const [path, content] of Object.entries(all)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
  return folder;
}

/** A field of a protobuf message that holds bytes. */
export function field(number: number, content: string | Buffer): Buffer {
  const bytes = Buffer.from(content);
  return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes]);
}

export function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    bytes.push(rest < 128 ? rest : (rest % 128) + 128);
    if (rest < 128) return Buffer.from(bytes);
  }
}

/** A tensor whose bytes lie elsewhere. */
export function externalTensor(entries: Record<string, string>): Buffer {
  return Buffer.concat(
    Object.entries(entries).map(([key, value]) => field(13, Buffer.concat([field(1, key), field(2, value)]))),
  );
}

/** An ONNX model with these initialisers. */
export function onnx(tensors: readonly Buffer[]): Buffer {
  const version = Buffer.from([8, 8]);
  return Buffer.concat([version, field(7, Buffer.concat(tensors.map((tensor) => field(5, tensor))))]);
}
