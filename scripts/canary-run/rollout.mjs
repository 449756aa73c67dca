// One rollout of an experiment from its creation to its end, and what its log says afterwards.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { root, sleep } from '../lib/run.mjs';
import { MODEL } from './versions.mjs';

const require = createRequire(import.meta.url);
const { rolloutPolicySchema } = require(join(root, 'libs/contracts/dist/rollout-policy.js'));
const { newVersionSchema } = require(join(root, 'libs/contracts/dist/registry.js'));
const { next } = require(join(root, 'libs/policy/dist/canary/machine.js'));
const { initialState } = require(join(root, 'libs/policy/dist/canary/state.js'));
const { readGatePolicy } = require(join(root, 'services/canary-controller/dist/promotion-gate.js'));

const AUTHOR = 'ada';
const STARTER = 'grace';
const PAGE = 200;
const POLL_MS = 100;
const digest = (character) => `sha256:${character.repeat(64)}`;
const audit = (who, action, subject) => ({
  who,
  action,
  subject,
  before: null,
  after: null,
  why: 'canary-run',
});

/** A version in the registry, moved on to `state`. */
export async function register({ registry }, version, sha256, state) {
  const record = newVersionSchema.parse({
    model: MODEL,
    version,
    name: `${MODEL}_${version}_20261121`,
    digest: sha256,
    lineage: { datasetHash: digest('a'), commit: 'abcdef0', configurationHash: digest('b'), environmentHash: digest('c') }, // prettier-ignore
  });
  const entry = audit(AUTHOR, 'version.move', `version/${MODEL}@${version}`);
  await registry.register(record, entry);
  const way = ['draft', 'staging', 'approved', 'production'];
  for (let i = 0; way[i] !== state; i += 1) await registry.move(MODEL, version, way[i], way[i + 1], entry);
}

/** Every gate of a version has passed, each role by somebody else, as the rules of this repository want it. */
export async function passGates({ registry }, version) {
  const { gates } = await readGatePolicy(join(root, 'governance'));
  for (const [gate, { owners }] of Object.entries(gates)) {
    for (const role of owners) {
      const entry = audit(role, 'gate.judge', `version/${MODEL}@${version}`);
      await registry.judge({ model: MODEL, version, gate, passed: true, reason: 'canary-run', evidence: [], role, approver: role }, entry); // prettier-ignore
    }
  }
}

/** Begins one; `policy` as a person would write it. */
export async function begin({ rollouts }, { id, stable, canary, canaryDigest, policy }) {
  const parsed = rolloutPolicySchema.parse(policy);
  const rollout = {
    id,
    model: MODEL,
    stable,
    canary,
    canaryDigest,
    policy: parsed,
    salt: `salt-${id}`,
    phase: parsed.aaRequests > 0 ? 'aa' : 'canary',
    share: parsed.steps[0],
    createdAt: Date.now(),
    createdBy: STARTER,
    endedAt: null,
  };
  return rollouts.create(rollout, audit(STARTER, 'rollout.create', `rollout/${id}`));
}

export function order({ rollouts }, id, command) {
  const event = { kind: 'command', at: Date.now(), command, who: STARTER, why: 'the experiment is over' };
  return rollouts.order(id, event, audit(STARTER, 'rollout.order', `rollout/${id}`));
}

/** Waits until everything is done about the end of a rollout; `look(entries)` sees each new part of its log. */
export async function untilFinished(stores, id, { timeoutMs, look = async () => {} }) {
  const end = performance.now() + timeoutMs;
  const entries = [];
  while (performance.now() < end) {
    entries.push(...(await stores.rollouts.log(id, entries.length, PAGE)));
    await look(entries);
    const { items } = await stores.audit.list({ subject: `rollout/${id}` }, 20);
    if (items.some(({ action }) => action === 'rollout.finished')) return rest(stores, id, entries);
    await sleep(POLL_MS);
  }
  return entries;
}

async function rest({ rollouts }, id, entries) {
  for (;;) {
    const more = await rollouts.log(id, entries.length, PAGE);
    entries.push(...more);
    if (more.length < PAGE) return entries;
  }
}

/** How many decisions a second look at the same events gives again. */
export function replay({ policy, stable, canary, createdAt }, entries) {
  let state = initialState(policy, { stable, canary, at: createdAt });
  let same = 0;
  for (const { event, decision } of entries) {
    const step = next(policy, state, event);
    if (isDeepStrictEqual(JSON.parse(JSON.stringify(step.decision)), decision)) same += 1;
    state = step.state;
  }
  return same;
}
