import { execFile, type ExecFileException } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/*
 * The scripts are ES modules that a bare Node must be able to run, so they are tested from outside, as processes.
 */

interface Outcome {
  code: number | string;
  output: string;
}

function run(args: string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  return new Promise((resolve) => {
    const done = (error: ExecFileException | null, stdout: string, stderr: string) =>
      resolve({ code: error?.code ?? 0, output: stdout + stderr });
    execFile(
      process.execPath,
      args,
      { cwd: __dirname, env: { ...process.env, ...env }, timeout: 15_000 },
      done,
    );
  });
}

const module_ = (code: string, env?: NodeJS.ProcessEnv) => run(['--input-type=module', '--eval', code], env);

describe('which Redis', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'frontier-scripts-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  function fakeServer(version: string): string {
    const file = join(folder, 'redis-server');
    writeFileSync(file, `#!/bin/sh\necho "Redis server v=${version} sha=0"\n`);
    chmodSync(file, 0o755);
    return file;
  }

  const provided = () => run(['redis.mjs'], { PATH: `${folder}:${process.env['PATH']}`, REDIS_URL: '' });

  test('REDIS_URL comes first', async () => {
    fakeServer('8.0.0');
    const { output } = await run(['redis.mjs'], { REDIS_URL: 'redis://elsewhere:1' });
    expect(output.trim()).toBe('redis://elsewhere:1');
  });

  test('then a server on PATH that is new enough', async () => {
    const file = fakeServer('6.2.0');
    expect((await provided()).output.trim()).toBe(file);
  });

  test('a server that is too old or broken is passed over', async () => {
    const file = fakeServer('6.0.16');
    expect((await provided()).output).not.toContain(file);
    writeFileSync(file, '#!/bin/sh\nexit 127\n');
    expect((await provided()).output).not.toContain(file);
  });
});

describe('a supervised process', () => {
  const supervise = (child: string, then: string, stopMs = 500) =>
    module_(`
      import { Managed } from './lib/managed.mjs';
      const spec = { name: 'child', command: process.execPath, args: ['-e', ${JSON.stringify(child)}], stopMs: ${stopMs} };
      const managed = new Managed(spec, (message) => { console.log('hopeless:', message); process.exit(3); });
      managed.start();
      setTimeout(async () => { ${then} }, 1200);
    `);

  test('has readable lines, and is started again when it crashes', async () => {
    const child = `console.log(JSON.stringify({ level: 'info', msg: 'hello', port: 1 })); process.exitCode = 7`;
    const { output } = await supervise(child, 'await managed.stop()');
    expect(output.match(/INFO: hello \{"port":1\}/g)).toHaveLength(2);
    expect(output).toContain('child ended (7)');
    expect(output).toContain('starting it again in 1 s');
  });

  test('is killed when it does not stop in time', async () => {
    const child = `process.on('SIGTERM', () => console.log('no')); setInterval(() => {}, 1000)`;
    const { code, output } = await supervise(child, `await managed.stop(); console.log('over')`);
    expect(output).toMatch(/no\n.*child did not stop within 0\.5 s: killed\n.*over\n/s);
    expect(code).toBe(0);
  });

  test('is not started again when its configuration is wrong', async () => {
    const { code, output } = await supervise('process.exit(78)', '');
    expect(code).toBe(3);
    expect(output).toContain('hopeless: child refused its configuration');
  });
});

describe('ports', () => {
  const check = `
    import { checkPorts, readPorts } from './lib/ports.mjs';
    await checkPorts(readPorts()).catch((error) => console.log(error.message));
    console.log('checked');
  `;

  test('a taken one is named with the variable that changes it', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((listening) => server.once('listening', listening));
    const { port } = server.address() as AddressInfo;
    const { output } = await module_(check, { GRPC_PORT: String(port) });
    server.close();
    expect(output).toContain(`Port ${port} is in use.`);
    expect(output).toMatch(new RegExp(`GRPC_PORT=${port + 1000} npm start`));
  });

  test('what is not a port is refused', async () => {
    const { code, output } = await module_(check, { HTTP_PORT: '80a' });
    expect(output).toContain('HTTP_PORT is not a port.');
    expect(code).toBe(1);
  });
});

test('npm start explains itself', async () => {
  const { code, output } = await run(['start.mjs', '--help']);
  expect(code).toBe(0);
  expect(output).toContain('HTTP_PORT');
});
