import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const MODULE = join(__dirname, 'contents.mjs');

/** In a process of its own: jest does not run ES modules. */
async function faultsOf(image: string, names: string[]): Promise<string[]> {
  const sbom = { components: names.map((name) => ({ name })) };
  const script = `import(${JSON.stringify(MODULE)}).then(({ faultsOf }) =>
    console.log(JSON.stringify(faultsOf(${JSON.stringify(image)}, ${JSON.stringify(sbom)}))))`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--eval', script]);
  return JSON.parse(stdout) as string[];
}

test('what only other images may have, and tools, are named with the image', async () => {
  const faults = await faultsOf('worker', ['pino', 'onnxruntime-node', 'bullmq', 'typescript', '@swc/core']);
  expect(faults.map((fault) => fault.split(':')[0])).toEqual([
    'worker holds bullmq',
    'worker holds typescript',
    'worker holds @swc/core',
  ]);
});

test('ONNX Runtime is the worker’s alone, git the canary controller’s', async () => {
  expect(await faultsOf('gateway', ['onnxruntime-node', 'git'])).toHaveLength(2);
  expect(await faultsOf('canary-controller', ['git', 'openssh-client', 'bullmq'])).toEqual([]);
});
