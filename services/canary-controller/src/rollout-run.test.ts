import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@frontier/contracts/errors';
import { MetricsFault } from '@frontier/contracts/rollout';
import type { Stores } from '@frontier/database/stores';
import { next } from '@frontier/policy/canary/machine';
import { initialState } from '@frontier/policy/canary/state';
import { readGatePolicy } from './promotion-gate.ts';
import { FAILING, GOOD, Lab, SLOW, type LabOptions } from './testing/lab.ts';

jest.setTimeout(60_000);

let stores: Stores;
let lab: Lab;
let count = 0;
beforeAll(async () => void (stores = await Lab.openStores()));
afterAll(() => stores.close());
afterEach(() => lab.stop());

async function open(options: LabOptions = {}): Promise<Lab> {
  count += 1;
  lab = await Lab.open(stores, `model-${count}`, options);
  return lab;
}

/** What a rollback has to leave behind, whatever happened on the way. */
async function expectRolledBack(block = true): Promise<void> {
  const { model } = lab.rollout;
  expect(await lab.traffic.get(model)).toMatchObject({ stable: '1', rollout: null, blocked: block ? ['2'] : [] }); // prettier-ignore
  expect((await stores.rollouts.blocked()).includes(lab.digest('2'))).toBe(block);
  expect(await lab.stateOf('1')).toBe('production');
  expect(await lab.stateOf('2')).toBe(block ? 'draft' : 'approved');
  expect(lab.environments.file).toMatchObject({ stable: { digest: lab.digest('1') }, candidate: null, blocked: block ? [lab.digest('2')] : [] }); // prettier-ignore
  expect(await lab.rootCauses()).toHaveLength(1);
  expect(await lab.audited('rollout.finished')).toBe(1);
}

describe('a rollout', () => {
  it('gives a good canary all traffic, step by step, and makes it stable', async () => {
    await open({ policy: { autoPromote: true } });
    await lab.run();
    const { model } = lab.rollout;
    expect(await stores.rollouts.get(lab.rollout.id)).toMatchObject({ phase: 'promoted', endedAt: expect.any(Number) }); // prettier-ignore
    expect(await lab.traffic.get(model)).toMatchObject({ stable: '2', rollout: null, blocked: [] });
    const shares = lab.traffic.history.map(({ rollout }) => rollout && `${rollout.mode} ${rollout.share}`);
    expect(shares).toEqual([null, 'aa 500', 'canary 500', 'canary 2500', 'canary 10000', null]);
    expect([await lab.stateOf('1'), await lab.stateOf('2')]).toEqual(['archived', 'production']);
    expect(lab.environments.commits.map(({ kind }) => kind)).toEqual([
      'begin',
      'propose',
      'promote',
      'settle',
    ]);
    expect(lab.environments.commits[2]?.reason).toMatchObject({ gate: 'G5', requestedBy: 'ada', approvedBy: 'grace' }); // prettier-ignore
    expect(lab.environments.file).toMatchObject({ stable: { digest: lab.digest('2') }, candidate: null });
  });

  it.each([
    ['that fails', FAILING],
    ['that is slow', SLOW],
  ])('takes a canary back %s, and says why', async (_, canary) => {
    await open({ canary });
    await lab.run();
    await expectRolledBack();
    const [cause] = await lab.rootCauses();
    expect(cause).toMatchObject({ canary: { version: '2', blocked: true }, restored: '1' });
    expect(cause?.['timeline']).toEqual(expect.arrayContaining([expect.objectContaining({ verdict: 'rollback' })])); // prettier-ignore
  });

  it('asks a person to promote, and is not promoted by who made the version', async () => {
    await open({ author: 'ada' });
    const run = lab.run();
    await lab.until(async () => (await lab.last())?.decision.phase === 'ready');
    await lab.order('promote', 'Ada');
    await lab.until(async () => (await lab.audited('rollout.order-refused')) === 1);
    expect((await lab.last())?.decision.phase).toBe('ready');
    await lab.order('promote', 'grace');
    await run;
    expect(await lab.stateOf('2')).toBe('production');
  });

  it('gives the same decisions again when its log is replayed', async () => {
    await open({ canary: FAILING });
    await lab.run();
    const entries = await lab.log();
    const { policy, stable, canary, createdAt } = lab.rollout;
    let state = initialState(policy, { stable, canary, at: createdAt });
    for (const { event, decision } of entries) {
      const step = next(policy, state, event);
      expect(JSON.parse(JSON.stringify(step.decision))).toEqual(decision);
      state = step.state;
    }
    expect(entries.length).toBeGreaterThan(3);
    expect(await stores.rollouts.verify(lab.rollout.id)).toBeUndefined();
    await expectRolledBack();
  });

  it('is ended by an order, and the version stays approved', async () => {
    await open();
    const run = lab.run();
    await lab.until(async () => (await lab.log()).length > 5);
    await lab.order('abort');
    await run;
    await expectRolledBack(false);
  });

  it('puts its record back after Redis has lost it', async () => {
    await open({ policy: { advanceRequests: 1_000_000 } });
    void lab.run();
    await lab.until(async () => (await lab.log()).length > 3);
    lab.traffic.lose();
    await lab.until(async () => (await lab.traffic.get(lab.rollout.model))?.rollout?.id === lab.rollout.id);
    expect((await lab.traffic.get(lab.rollout.model))?.stable).toBe('1');
  });

  it('reports control before and the differences after', async () => {
    await open({ canary: FAILING });
    await lab.run();
    const { baseline, end } = JSON.parse(await readFile(lab.tools().baseline.fileOf(lab.rollout), 'utf8')) as { baseline: string; end: { phase: string; deltas: { errorsPoints: number } } }; // prettier-ignore
    expect(baseline).toBe('not measured: CANARY_BASELINE_URL is not set');
    expect(end.phase).toBe('rolled-back');
    expect(end.deltas.errorsPoints).toBeGreaterThan(5);
    await expectRolledBack();
  });
});

describe('a gate', () => {
  const unmet = 'G5 has not passed: release-manager must judge it';
  const ready = async () => (await lab.last())?.decision.phase === 'ready';

  it('that has not passed lets nothing be promoted by itself', async () => {
    await open({ policy: { autoPromote: true }, gate: 'G4' });
    const run = lab.run();
    await lab.until(ready);
    const seen = (await lab.log()).length;
    await lab.until(async () => (await lab.log()).length > seen + 3);
    expect((await lab.last())?.decision).toMatchObject({ verdict: 'ready', share: 2_500, reason: expect.stringContaining(unmet) }); // prettier-ignore
    await lab.pass('G5');
    await run;
    expect(await lab.stateOf('2')).toBe('production');
  });

  it('that has not passed lets no person promote', async () => {
    await open({ gate: 'G4' });
    const run = lab.run();
    await lab.until(ready);
    await lab.order('promote');
    await lab.until(async () => (await lab.audited('rollout.order-refused')) === 1);
    expect(await ready()).toBe(true);
    await lab.pass('G5');
    await lab.order('promote');
    await run;
    expect(await lab.stateOf('2')).toBe('production');
  });

  it('that cannot be looked at has not passed', async () => {
    await open({ policy: { autoPromote: true } });
    const gatePolicy = () => readGatePolicy(join(lab.folder, 'nowhere'));
    void lab.run(undefined, { gatePolicy });
    await lab.until(ready);
    expect((await lab.last())?.decision.reason).toContain('GOVERNANCE_FOLDER');
  });
});

describe('a freeze window', () => {
  it('holds up a promotion and the orders that would give more traffic, never a rollback', async () => {
    let why: string | undefined;
    await open({ frozen: () => why });
    const run = lab.run();
    await lab.until(async () => (await lab.last())?.decision.phase === 'ready');
    why = 'freeze window * * * * * (UTC), 1 min: release';
    await lab.until(
      async () => (await lab.last())?.decision.reason === `frozen by canary-controller: ${why}`,
    );
    for (const [i, command] of (['promote', 'unfreeze', 'release'] as const).entries()) {
      await lab.order(command);
      await lab.until(async () => (await lab.audited('rollout.order-refused')) === i + 1);
    }
    expect((await lab.last())?.decision).toMatchObject({ phase: 'ready', share: 2_500 });
    lab.gateways.canary = FAILING;
    await run;
    await expectRolledBack();
  });
});

describe('drift', () => {
  const commands = async () => (await lab.log()).flatMap(({ event }) => event.kind === 'command' ? [[event.command, event.who, event.why]] : []); // prettier-ignore
  const longer = async (lines: number) => {
    const seen = (await lab.log()).length;
    await lab.until(async () => (await lab.log()).length > seen + lines);
  };

  it('of one of the two versions for two scrapes freezes the rollout until a person has looked', async () => {
    await open({ policy: { autoPromote: true } });
    lab.gateways.drift = ['2 in.text.bytes', '7 in.text.bytes'];
    const run = lab.run();
    const freeze = ['freeze', 'canary-controller', 'drift: in.text.bytes of version 2'];
    await lab.until(async () => (await commands()).length > 0);
    expect(await commands()).toEqual([freeze]);
    expect(await metric('canary_drift_alarms')).toBe(1);
    await longer(10);
    expect((await lab.last())?.decision.reason).toBe(`frozen by canary-controller: ${freeze[2]}`);
    await lab.order('unfreeze');
    await run;
    expect(await commands()).toEqual([freeze, ['unfreeze', 'grace', 'told to']]);
    expect(await lab.stateOf('2')).toBe('production');
  });

  const metric = async (name: string) => (await lab.registry.getSingleMetric(name)?.get())?.values[0]?.value;
});

describe('a rollout is not begun', () => {
  const nothingServed = async () =>
    expect(lab.traffic.history.every(({ rollout, stable }) => rollout === null && stable === '1')).toBe(true);

  it('while rollouts are frozen, and begins when they are not', async () => {
    let why: string | undefined = 'freeze window 0 18 * * 5 (UTC), 3720 min: weekend';
    await open({ frozen: () => why });
    void lab.run();
    await lab.until(async () => (await lab.log()).some(({ event }) => event.kind === 'command'));
    await nothingServed();
    await lab.until(
      async () => (await lab.waits()) === `cannot begin yet: frozen by canary-controller: ${why}`,
    );
    expect((await lab.last())?.decision.reason).toBe(`freeze by canary-controller: ${why}`);
    why = undefined;
    await lab.until(async () => (await lab.log()).some(({ event }) => event.kind === 'scrape'));
    expect(await lab.waits()).toBeNull();
    const commands = (await lab.log()).flatMap(({ event }) =>
      event.kind === 'command' ? [event.command] : [],
    );
    expect(commands).toEqual(['freeze', 'unfreeze']);
  });

  it('when nobody but its author stands for the version', async () => {
    await open({ author: 'ada', createdBy: 'Ada', gate: 'none' });
    await lab.run();
    await nothingServed();
    expect(await lab.last()).toMatchObject({ decision: { phase: 'aborted' }, event: { why: expect.stringContaining('somebody else') } }); // prettier-ignore
    expect(lab.environments.commits).toEqual([]);
  });

  it.each(['draft', 'staging'] as const)('with a version that is %s', async (state) => {
    await open({ state });
    await lab.run();
    await nothingServed();
    expect((await lab.last())?.event).toMatchObject({
      command: 'abort',
      why: expect.stringContaining(state),
    });
    expect(await lab.stateOf('2')).toBe(state);
  });

  it('with a digest that is blocked', async () => {
    await open();
    const audit = {
      who: 'test',
      action: 'digest.block',
      subject: 'digest',
      before: null,
      after: null,
      why: 'x',
    };
    await stores.rollouts.block(lab.digest('2'), 'other', audit);
    await lab.run();
    await nothingServed();
    expect((await lab.last())?.event).toMatchObject({ why: expect.stringContaining('blocked') });
  });

  it('while Git is gone or refuses, and begins when it is back', async () => {
    await open();
    lab.environments.fault = new AppError('FORBIDDEN', 'the remote refuses the push');
    let failures = 0;
    lab.onError = () => (failures += 1);
    void lab.run();
    await lab.until(() => failures > 1);
    await nothingServed();
    expect(await lab.waits()).toBe('cannot begin yet: the remote refuses the push');
    lab.environments.fault = undefined;
    await lab.until(async () => (await lab.last())?.event.kind === 'scrape');
    expect(await lab.waits()).toBeNull();
    expect(lab.environments.file?.candidate).toMatchObject({ digest: lab.digest('2'), mode: 'canary' });
  });

  it('when another version than stable has the traffic', async () => {
    await open();
    const { model } = lab.rollout;
    await lab.traffic.put({ model, stable: '3', blocked: [], rollout: null, shadow: null, experiment: null }, 0); // prettier-ignore
    await lab.run();
    expect((await lab.last())?.event).toMatchObject({ command: 'abort', why: expect.stringContaining('version 3') }); // prettier-ignore
    expect(await lab.traffic.get(model)).toMatchObject({ stable: '3', rollout: null });
    expect(await lab.stateOf('2')).toBe('approved');
  });

  it('when stable is not in production any more', async () => {
    await open();
    const { model } = lab.rollout;
    await stores.registry.move(model, '1', 'production', 'archived', { who: 'test', action: 'version.move', subject: 'v', before: null, after: null, why: 'x' }); // prettier-ignore
    await lab.run();
    await nothingServed();
    expect((await lab.last())?.event).toMatchObject({ command: 'abort', why: expect.stringContaining('archived') }); // prettier-ignore
  });

  it('when Git says that another version is stable', async () => {
    await open();
    const reason = { decisionId: 'x', evidenceSha256: lab.digest('0'), gate: 'G5', requestedBy: 'x', approvedBy: null } as const; // prettier-ignore
    await lab.environments.begin({ environment: 'prod', model: lab.rollout.model }, { version: '7', digest: lab.digest('7') }, reason, new AbortController().signal); // prettier-ignore
    await lab.run();
    await nothingServed();
    expect((await lab.last())?.event).toMatchObject({ command: 'abort', why: expect.stringContaining('decide again') }); // prettier-ignore
  });
});

describe('bad metrics hold a rollout, the old version goes on', () => {
  it.each(['unreachable', 'stale', 'empty', 'ambiguous', 'malformed'] as const)('%s', async (reason) => {
    await open({ canary: GOOD });
    lab.gateways.fault = new MetricsFault(reason, 'no metrics');
    void lab.run();
    await lab.until(async () => (await lab.log()).length > 5);
    const entries = await lab.log();
    expect(entries.every(({ decision }) => decision.verdict === 'hold' || decision.verdict === 'continue')).toBe(true); // prettier-ignore
    expect(entries.at(-1)?.event).toMatchObject({ kind: 'fault', reason });
    expect(new Set(lab.traffic.history.map(({ rollout }) => rollout?.share ?? 0))).toEqual(new Set([0, 500]));
    lab.gateways.fault = undefined;
    await lab.until(async () => (await lab.last())?.decision.phase === 'canary');
  });

  it('for too long take its traffic away, and block nothing', async () => {
    await open({ policy: { holdMs: 50 } });
    lab.gateways.fault = new MetricsFault('unreachable', 'no metrics');
    void lab.run();
    await lab.until(async () => ((await lab.traffic.get(lab.rollout.model))?.rollout?.share ?? 0) === 0 && (await lab.log()).length > 2); // prettier-ignore
    expect(await stores.rollouts.blocked()).not.toContain(lab.digest('2'));
  });

  it('a gateway that counts anew is no evidence', async () => {
    await open({ policy: { advanceRequests: 1_000_000 } });
    void lab.run();
    for (let resets = 0; resets < 3; resets += 1) {
      const before = (await lab.log()).length;
      await lab.until(async () => (await lab.log()).length > before + 4);
      lab.gateways.reset();
    }
    const verdicts = new Set((await lab.log()).map(({ decision }) => decision.verdict));
    expect(verdicts.has('rollback') || verdicts.has('promote')).toBe(false);
  });
});

describe('Git that goes away in the middle', () => {
  it('is told again of a rollback when somebody has mended the file', async () => {
    await open({ canary: FAILING });
    const run = lab.run();
    await lab.until(() => lab.environments.commits.length === 2);
    lab.environments.fault = new AppError('CONFLICT', 'the file is not valid');
    await lab.until(async () => (await lab.waits()) === 'git-rollback is tried again: the file is not valid');
    expect(await lab.audited('rollout.finished')).toBe(0);
    lab.environments.fault = undefined;
    await run;
    await expectRolledBack();
  });

  it('does not delay a rollback, which is committed when it is back', async () => {
    await open({ canary: FAILING });
    const run = lab.run();
    await lab.until(() => lab.environments.commits.length === 2);
    lab.environments.fault = new AppError('UNAVAILABLE', 'the remote is gone');
    await lab.until(async () => (await lab.rootCauses()).length === 1);
    expect(await lab.traffic.get(lab.rollout.model)).toMatchObject({
      stable: '1',
      rollout: null,
      blocked: ['2'],
    });
    expect(lab.environments.file?.candidate).not.toBeNull();
    await lab.until(async () => (await lab.waits()) === 'git-rollback is tried again: the remote is gone');
    lab.environments.fault = undefined;
    await run;
    await expectRolledBack();
    expect(await lab.waits()).toBeNull();
  });
});
