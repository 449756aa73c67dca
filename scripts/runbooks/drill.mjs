// The restore drill: known rows, requests and models; both volumes destroyed; the runbook; hashes compared.
//   NAMESPACE=… node scripts/runbooks/drill.mjs [--json]
import { setTimeout as sleep } from 'node:timers/promises';
import { isMain, Problem, report } from '../lib/run.mjs';
import { BREAKERS, loseVolumes } from './breakers.mjs';
import { databaseHashes, modelHashes, redisHashes } from './hashes.mjs';
import { Installation } from './installation.mjs';
import { readRunbook } from './parse.mjs';

const RPO_S = 60;
const RTO_S = 600;
/** Longer than a dump takes to come round. */
const WRITING_MS = 45_000;
const NUMBERS = Array.from({ length: 16 }, (_, i) => i);

/**
 * Destroys and restores; gives `{rpoS, rtoS, rows, faults}`. `rows`: `{what, before, after, same}`. The RPO is that of
 * marks that are written every second until the moment of the loss; the RTO ends with the first call that is answered.
 */
export async function drill(installation, say = console.log) {
  await installation.heal();
  await fill(installation);
  const { found: before, values } = await hashes(installation);
  say(`known: ${before.size} tables, key groups and models`);
  const lostAt = await writeMarks(installation);
  await loseVolumes(installation);
  say('both volumes are gone');
  const faults = await restore(installation);
  const rtoS = seconds(Date.now() - lostAt);
  // The call that ended the restore has left keys, too.
  const { found: after, values: restored } = await hashes(installation, values);
  const rows = [...before].map(([what, hash]) => ({ what, before: hash, after: after.get(what) ?? '-', same: after.get(what) === hash })); // prettier-ignore
  for (const { what, same } of rows) if (!same) faults.push(`${what} is not what it was`);
  const changed = [...values].filter(([key, hash]) => restored.get(key) !== hash).map(([key]) => key);
  if (changed.length > 0)
    faults.push(`${changed.length} keys of Redis have changed, as ${changed.slice(0, 5).join(', ')}`);
  const rpoS = {};
  for (const [part, newest] of Object.entries(await newestMarks(installation))) {
    rpoS[part] = newest === 0 ? Infinity : seconds(lostAt - newest);
    if (rpoS[part] > RPO_S) faults.push(`${part}: what was written in the last ${rpoS[part]} s is lost, more than ${RPO_S} s`); // prettier-ignore
  }
  if (rtoS > RTO_S) faults.push(`it took ${rtoS} s, more than ${RTO_S}`);
  await installation.sql('drop table if exists public.drill_marks');
  return { rpoS, rtoS, rows, faults };
}

/** Keys with their audit entries, versions and a rollout in PostgreSQL; results and dead letters in Redis. */
async function fill(installation) {
  await (
    await BREAKERS.rollout(installation)
  )();
  for (let i = 0; i < 5; i++) await installation.frontier('keys', 'create', `drill-${i}`, '--role', 'viewer', '--why', 'drill'); // prettier-ignore
  const body = { model: 'simple', inputs: { INPUT0: [NUMBERS], INPUT1: [NUMBERS] } };
  await installation.post('/v1/jobs', body, { times: 300 });
  await BREAKERS['dead-letters'](installation);
  await sleep(5_000);
}

/** `{found, values}`: table, group of keys or model → hash; key of Redis → hash. `known`: only these keys. */
async function hashes(installation, known) {
  const { groups, values } = await redisHashes(installation, known);
  const found = [...(await databaseHashes(installation)), ...groups, ...(await modelHashes(installation))];
  return { found: new Map(found), values };
}

/** Writes a mark into each part every second, until a dump has come round; when the last one was begun (Unix ms). */
async function writeMarks(installation) {
  await installation.sql('create table if not exists public.drill_marks (at bigint not null)');
  const end = Date.now() + WRITING_MS;
  while (Date.now() < end) {
    const at = Date.now();
    await installation.sql(`insert into public.drill_marks values (${at})`);
    await installation.redis('set', 'drill:mark', `${at}`);
    await sleep(Math.max(0, at + 1_000 - Date.now()));
  }
  return Date.now();
}

async function newestMarks(installation) {
  const postgresql = Number(await installation.sql('select coalesce(max(at), 0) from public.drill_marks').catch(() => '0')); // prettier-ignore
  const redis = Number(await installation.redis('get', 'drill:mark'));
  return { postgresql, redis };
}

/** As the runbook says, to its first call that is answered. What it finds wrong. */
async function restore(installation) {
  const { steps } = readRunbook('restore-from-backup');
  const shell = installation.shell();
  try {
    for (const step of steps.filter(({ skip }) => !skip)) {
      const { fault, output } = await shell.run(step);
      if (fault) return [`restore-from-backup.md:${step.line}: ${fault}\n${output.slice(-2_000)}`];
      if (step.section === 'Afterwards') return [];
    }
    return ['the runbook has no step that calls'];
  } finally {
    shell.close();
  }
}

const seconds = (ms) => Math.round(ms / 100) / 10;

async function main() {
  const namespace = process.env.NAMESPACE;
  if (!namespace) throw new Problem('NAMESPACE is not set: in which one may things be destroyed?');
  const done = await drill(await Installation.open(namespace));
  for (const { what, before, after, same } of done.rows) console.log(`${same ? 'same     ' : 'DIFFERENT'} ${what.padEnd(44)} ${before}${same ? '' : ` ${after}`}`); // prettier-ignore
  console.log(`RPO: PostgreSQL ${done.rpoS.postgresql} s, Redis ${done.rpoS.redis} s (at most ${RPO_S}); RTO ${done.rtoS} s (at most ${RTO_S})`); // prettier-ignore
  for (const fault of done.faults) console.log(`FAILED  ${fault}`);
  if (process.argv.includes('--json')) console.log(JSON.stringify(done));
  process.exitCode = done.faults.length > 0 ? 1 : 0;
}

if (isMain(import.meta.url)) main().catch(report);
