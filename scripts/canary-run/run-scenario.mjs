// Runs one scenario on the stack and holds it against what has to come out.
import { sleep } from '../lib/run.mjs';
import { begin, order, passGates, register, replay, untilFinished } from './rollout.mjs';
import { MODEL, writeVersion } from './versions.mjs';

const LONGEST_S = 15 * 60;
/** For what is done after the end. */
const ENDING_MS = 30_000;
/** From the verdict until no gateway sends the canary anything. */
const OFF_MS = 1_000;

/** `{row, entries}`; the row's `problems` are empty when all is as it has to be. */
export async function runScenario(stack, scenario, { version, stable, windowMs }) {
  const { name, kind, policy, kills = [] } = scenario;
  const canaryDigest = writeVersion(stack.models, version, kind, windowMs);
  await register(stack.stores, version, canaryDigest, 'approved');
  await passGates(stack.stores, version);
  await untilServed(stack, version);
  const commits = stack.commits().length;
  const told = stack.told('traffic changed').length;
  const killer = kills.length > 0 ? killEach(stack.controller, kills) : undefined;
  const rollout = await begin(stack.stores, { id: `${name}-${version}`, stable, canary: version, canaryDigest, policy }); // prettier-ignore
  const entries = await untilFinished(stack.stores, rollout.id, lookOf(stack, scenario, rollout));
  const killed = await killer?.stop();
  const ended = await stack.stores.rollouts.get(rollout.id);
  const changes = stack.told('traffic changed').slice(told);
  const row = {
    name,
    phase: ended.phase,
    scrapes: entries.filter(({ event }) => event.kind === 'scrape').length,
    requests: entries.at(-1)?.decision.evidence.requests.canary ?? 0,
    ...timesOf(entries, changes),
    decisions: entries.length,
    replayed: replay(rollout, entries),
    broken: await stack.stores.rollouts.verify(rollout.id),
    kills: killed?.done.length ?? 0,
    notReached: killed?.left ?? [],
    reason: entries.findLast(({ decision }) => decision.verdict !== 'continue')?.decision.reason ?? '',
    commits: stack.commits().slice(commits),
  };
  return { row: { ...row, problems: problemsOf(scenario, row, await stack.traffic.get(MODEL), { stable, version }) }, entries }; // prettier-ignore
}

/** Ended by us: an identical canary when it has been looked at often enough, and any that takes too long. */
function lookOf({ stores }, { scrapes = Infinity, timeoutS = LONGEST_S }, rollout) {
  const longestMs = timeoutS * 1_000 + (Number.isFinite(scrapes) ? scrapes * 1_500 : 0);
  const end = performance.now() + longestMs;
  let ordered = false;
  const look = async (entries) => {
    const seen = entries.filter(({ event }) => event.kind === 'scrape').length;
    if (ordered || (seen < scrapes && performance.now() < end)) return;
    ordered = true;
    await order(stores, rollout.id, 'abort');
  };
  return { timeoutMs: longestMs + ENDING_MS, look };
}

/** Seconds from the first call that the canary may have had to its end, and ms from the verdict until it was in force. */
function timesOf(entries, changes) {
  const began = changes.find(({ mode, share }) => mode === 'canary' && share > 0);
  const off = changes.find(({ phase }) => phase === 'rolled-back' || phase === 'aborted');
  const verdict = entries.find(({ decision }) => ['rollback', 'abort'].includes(decision.verdict));
  const end = entries.at(-1);
  const seconds = began && end ? Math.round((end.at - Date.parse(began.time)) / 100) / 10 : null;
  return { seconds, offMs: off && verdict ? Date.parse(off.time) - verdict.at : null };
}

function problemsOf({ phase, withinS = Infinity, scrapes, kills }, row, record, { stable, version }) {
  const problems = [];
  const expect = (isSo, text) => isSo || problems.push(text);
  expect(row.phase === phase, `ended as ${row.phase}, not ${phase}: ${row.reason}`);
  expect(row.seconds !== null && row.seconds <= withinS, `took ${row.seconds} s, over ${withinS} s`);
  expect(row.offMs === null || kills || row.offMs <= OFF_MS, `off only ${row.offMs} ms after the verdict`);
  expect(
    row.replayed === row.decisions,
    `a replay gives ${row.replayed} of ${row.decisions} decisions again`,
  );
  expect(row.broken === undefined, `the log is broken at line ${row.broken}`);
  expect(row.scrapes >= (scrapes ?? 1), `only ${row.scrapes} scrapes`);
  expect(row.notReached.length === 0, `never came by ${row.notReached.join(', ')}`);
  const serves = phase === 'promoted' ? version : stable;
  expect(
    record?.stable === serves && record.rollout === null,
    `serves ${record?.stable} instead of ${serves}`,
  );
  expect(
    record?.blocked.includes(version) === (phase === 'rolled-back'),
    'blocked or not, the wrong way round',
  );
  return problems;
}

/** Every gateway answers for this version: the worker has loaded it. */
async function untilServed({ gateways }, version) {
  const body = bodyOf(version);
  const end = performance.now() + 60_000;
  for (const { http } of gateways) {
    for (;;) {
      const status = await post(http, body);
      if (status === 200) break;
      if (performance.now() > end) throw new Error(`version ${version} is not served: ${status}`);
      await sleep(100);
    }
  }
}

/** A gray image for this version. */
function bodyOf(version) {
  const image = [Array.from({ length: 48 }, () => Array.from({ length: 192 }, () => [9, 9, 9]))];
  return JSON.stringify({ model: MODEL, version, inputs: { image } });
}

async function post(port, body) {
  const headers = { 'content-type': 'application/json' };
  const options = { method: 'POST', headers, body, signal: AbortSignal.timeout(10_000) };
  const response = await fetch(`http://127.0.0.1:${port}/v1/infer`, options).catch(() => undefined);
  await response?.arrayBuffer();
  return response?.status ?? 'no answer';
}

/** The 95th percentile of the time of a version's calls, one after the other, ms. */
export async function p95Of({ gateways }, version, calls = 200) {
  const body = bodyOf(version);
  const times = [];
  for (let i = 0; i < calls; i += 1) {
    const at = performance.now();
    await post(gateways[0].http, body);
    times.push(performance.now() - at);
  }
  return times.sort((a, b) => a - b)[Math.floor(calls * 0.95)];
}

/** Lets the controller be killed at one place after the other, as it comes by them. */
function killEach(member, places) {
  const left = [...places];
  const done = [];
  const stopping = new AbortController();
  const arm = () => {
    member.env = { FAILPOINTS: left.length > 0 ? `canary.${left[0]}=kill` : '' };
  };
  const watch = async () => {
    arm();
    member.signal('SIGTERM');
    for (let deaths = member.kills; !stopping.signal.aborted; await sleep(5)) {
      if (member.kills === deaths) continue;
      deaths = member.kills;
      done.push(left.shift());
      arm();
    }
  };
  const watching = watch();
  return {
    async stop() {
      stopping.abort();
      await watching;
      member.env = { FAILPOINTS: '' };
      member.signal('SIGTERM');
      return { done, left };
    },
  };
}
