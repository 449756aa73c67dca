import { spawn } from 'node:child_process';
import { accessSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** The real registry (Debian's package `docker-registry`), where this machine has it. */
export function findDockerRegistry(): string | undefined {
  const named = process.env['FRONTIER_DOCKER_REGISTRY'];
  const places = (process.env['PATH'] ?? '').split(delimiter).map((dir) => join(dir, 'docker-registry'));
  return (named === undefined ? places : [named]).find((path) => {
    try {
      accessSync(path);
      return true;
    } catch {
      return false;
    }
  });
}

/** A registry of a test's own, its content in `folder`. */
export async function startDockerRegistry(
  binary: string,
  folder: string,
): Promise<{ url: string; stop(): Promise<void> }> {
  const port = await freePort();
  const configuration = {
    version: '0.1',
    storage: { filesystem: { rootdirectory: join(folder, 'data') } },
    http: { addr: `127.0.0.1:${port}` },
  };
  // JSON is YAML.
  await writeFile(join(folder, 'registry.yml'), JSON.stringify(configuration));
  const child = spawn(binary, ['serve', join(folder, 'registry.yml')], { stdio: 'ignore' });
  const url = `http://127.0.0.1:${port}`;
  while (!(await fetch(`${url}/v2/`).catch(() => undefined))?.ok) {
    if (child.exitCode !== null) throw new Error(`docker-registry ended with ${child.exitCode}`);
    await delay(20);
  }
  return {
    url,
    stop: () =>
      new Promise((resolve) => {
        child.once('exit', () => resolve());
        child.kill('SIGKILL');
      }),
  };
}

async function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
