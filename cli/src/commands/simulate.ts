import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Context } from '../context.ts';
import { CliError, EXIT, type ExitCode } from '../errors.ts';

const SCRIPT = join(__dirname, '../../../scripts/canary-simulate.mjs');

/** `frontier rollouts simulate`: the repository's own simulation, with this process's streams. */
export async function simulate({ host, options }: Context, args: readonly string[]): Promise<ExitCode> {
  if (!existsSync(SCRIPT)) {
    throw new CliError(
      EXIT.config,
      'there is no simulation here: it is in the repository, scripts/canary-simulate.mjs',
    );
  }
  const all = [SCRIPT, ...args, ...(options.json ? ['--json'] : [])];
  const child = spawn(process.execPath, all, { stdio: 'inherit', signal: host.signal });
  const [code] = (await once(child, 'exit').catch((cause: unknown) => {
    throw new CliError(EXIT.interrupted, 'interrupted', { cause });
  })) as [number | null];
  return code === 0 ? EXIT.ok : code === EXIT.usage ? EXIT.usage : EXIT.failed;
}
