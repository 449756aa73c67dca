// The database that `npm start` runs where no DATABASE_URL is given: embedded, bound to this machine, with its data
// under .frontier/postgres.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, isListening } from './ports.mjs';
import { cache, node, Problem, sleep } from './run.mjs';

const note = join(cache, 'postgres.json');

/** Measured: without the optimising compiler for WebAssembly 60 MB less, and 560 MB less while it starts. */
const BASELINE_COMPILER = '--liftoff-only';

const START_MS = 30_000;
const ORPHAN_MS = 10_000;

/** How to run it: `{url, port, spec}`, `spec` being what Managed takes. */
export async function databaseProcess() {
  await untilOrphanEnds();
  const port = await freePort();
  writeFileSync(note, JSON.stringify({ port }));
  const spec = {
    name: 'database',
    command: node,
    args: [BASELINE_COMPILER, 'scripts/database.mjs', `${port}`],
    stopMs: 8_000,
  };
  return { url: `postgres://postgres@127.0.0.1:${port}/postgres`, port, spec };
}

export async function untilDatabaseAnswers({ port }) {
  if (!(await isListening(port, START_MS)))
    throw new Problem(`The database does not answer on port ${port} (see above).`);
}

/** The database of a supervisor that was killed ends by itself; two on one folder would spoil it. */
async function untilOrphanEnds() {
  if (!existsSync(note)) return;
  const { port } = JSON.parse(readFileSync(note, 'utf8'));
  const end = Date.now() + ORPHAN_MS;
  while (await isListening(port)) {
    if (Date.now() > end) {
      throw new Problem(
        `The database of an earlier start still runs, on port ${port}. End that process; if it is another program, ` +
          `delete ${note}.`,
      );
    }
    await sleep(50);
  }
  rmSync(note);
}
