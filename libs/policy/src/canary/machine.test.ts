import { Fleet } from './testing/fleet.ts';

const PROMOTION = [
  { kind: 'traffic', mode: 'aa', share: 500, newSalt: false },
  { kind: 'traffic', mode: 'canary', share: 500, newSalt: false },
  { kind: 'traffic', mode: 'canary', share: 2_500, newSalt: false },
  { kind: 'traffic', mode: 'canary', share: 10_000, newSalt: false },
  { kind: 'promote' },
  { kind: 'end' },
];
const BLOCKED = [{ kind: 'rollback', block: true }, { kind: 'end' }];

/** A fleet whose canary has had its first requests. */
function started(policy: ConstructorParameters<typeof Fleet>[0] = {}): Fleet {
  const fleet = new Fleet(policy);
  fleet.tick(100);
  expect(fleet.state.phase).toBe('canary');
  fleet.tick(8);
  return fleet;
}

/** A fleet whose canary is green and waits for a person. */
function green(): Fleet {
  const fleet = started({ autoPromote: false });
  fleet.tick(600);
  expect(fleet.state.phase).toBe('ready');
  return fleet;
}

describe('a good canary', () => {
  it('goes by A/A and its steps to all traffic, is watched, and ends as promoted', () => {
    const fleet = started();
    expect(fleet.state.share).toBe(500);
    fleet.tick(600);
    expect(fleet.decision).toMatchObject({ verdict: 'promote', phase: 'watch', share: 10_000 });
    fleet.tick(600);
    expect(fleet.decision).toMatchObject({ verdict: 'end', phase: 'promoted' });
    expect(fleet.effects).toEqual(PROMOTION);
    // What comes after changes nothing.
    fleet.tick(3, { canary: { errors: 50 } });
    fleet.command('abort');
    expect(fleet.state.phase).toBe('promoted');
    expect(fleet.effects).toEqual(PROMOTION);
  });

  it('raises no alarm on its way, nor while nothing was counted yet under a new share', () => {
    const fleet = started();
    const alarms: string[] = [];
    for (let i = 0; i < 600 && fleet.state.phase !== 'promoted'; i += 1) {
      fleet.tick(1);
      alarms.push(...fleet.decision.alarms);
    }
    expect(fleet.state.phase).toBe('promoted');
    expect(alarms).toEqual([]);
  });

  it('is promoted only when it has its requests, its proof and its blocks', () => {
    const fleet = started();
    let before = fleet.decision;
    while (fleet.state.phase === 'canary') {
      before = fleet.decision;
      fleet.tick(1);
    }
    expect(before.reason).toMatch(/canary requests|blocks|proven/);
    expect(fleet.effects.at(-1)).toEqual({ kind: 'promote' });
  });

  it('is promoted where all is faster than when its tails were chosen', () => {
    const fleet = new Fleet();
    fleet.tick(100, { control: { slower: 2 }, canary: { slower: 2 } });
    expect(fleet.state.phase).toBe('canary');
    fleet.tick(600);
    expect(fleet.decision).toMatchObject({ verdict: 'promote', phase: 'watch' });
  });

  it('is compared by the tails of now, when control has left those of the A/A phase', () => {
    const fleet = new Fleet();
    fleet.tick(100, { control: { slower: 5 }, canary: { slower: 5 } });
    expect(Math.max(...(fleet.state.statistics.tails as number[]))).toBe(9);
    fleet.tick(30);
    expect(Math.max(...(fleet.state.statistics.tails as number[]))).toBe(4);
    const { tests } = fleet.state.statistics;
    expect(tests?.spent.capital).toBeCloseTo(0.1);
    expect(fleet.decision.evidence.eLatency).toBeLessThan(1);
    fleet.tick(300, { canary: { slower: 2 } });
    expect(fleet.decision).toMatchObject({ verdict: 'rollback', phase: 'rolled-back' });
  });

  it('waits for a person by default, and may be promoted then', () => {
    const fleet = green();
    fleet.tick(5);
    expect(fleet.decision).toMatchObject({ verdict: 'ready', phase: 'ready', share: 2_500 });
    fleet.command('promote');
    expect(fleet.decision).toMatchObject({ verdict: 'promote', phase: 'watch' });
    expect(fleet.decision.reason).toBe('promote by anna: a test');
  });

  it('is not promoted by itself before its gate has passed', () => {
    const fleet = started();
    fleet.unmet = 'G5 has not passed: release-manager must judge it';
    fleet.tick(600);
    fleet.tick(5);
    expect(fleet.decision).toMatchObject({ verdict: 'ready', phase: 'ready', share: 2_500 });
    expect(fleet.decision.reason).toBe('proven to be no worse than control, but G5 has not passed: release-manager must judge it'); // prettier-ignore
    fleet.unmet = undefined;
    fleet.tick(1);
    expect(fleet.decision).toMatchObject({ verdict: 'promote', phase: 'watch', share: 10_000 });
  });

  it('is not promoted while it is frozen or paused, nor by a person while frozen', () => {
    for (const [stop, go] of [
      ['freeze', 'unfreeze'],
      ['pause', 'resume'],
    ] as const) {
      // prettier-ignore
      const fleet = started();
      fleet.command(stop);
      fleet.tick(300);
      expect(fleet.state).toMatchObject({ phase: 'canary', share: 500 });
      if (stop === 'freeze') {
        expect(fleet.decision.reason).toBe('frozen by anna: a test');
        fleet.command('promote');
        expect(fleet.decision.reason).toMatch(/^refused: frozen/);
      }
      fleet.command(go);
      fleet.tick(300);
      expect(fleet.state.phase).toBe('watch');
    }
  });
});

describe('a bad canary', () => {
  it.each([
    ['errors', { errors: 2 }, /errors/],
    ['latency', { slower: 3 }, /slower than control: p95/],
  ])('is rolled back and blocked for %s', (_, canary, reason) => {
    const fleet = started();
    fleet.tick(300, { canary });
    expect(fleet.decision).toMatchObject({ verdict: 'rollback', phase: 'rolled-back', share: 0, reason: expect.stringMatching(reason) }); // prettier-ignore
    expect(fleet.effects.slice(-2)).toEqual(BLOCKED);
  });

  it('is rolled back within seconds when half of its requests fail', () => {
    const fleet = started();
    const at = fleet.at;
    fleet.tick(300, { canary: { errors: 25 } });
    expect(fleet.state.phase).toBe('rolled-back');
    expect(fleet.at - at).toBeLessThanOrEqual(4_000);
  });

  it.each(['paused', 'frozen', 'ready', 'asks'] as const)('is rolled back although it is %s', (when) => {
    const fleet = when === 'ready' ? green() : started(when === 'asks' ? { maxDurationMs: 40_000 } : {});
    if (when === 'paused') fleet.command('pause');
    if (when === 'frozen') fleet.command('freeze');
    if (when === 'asks') fleet.tick(60);
    fleet.tick(300, { canary: { errors: 10 } });
    // Another phase may come before.
    fleet.tick(300, { canary: { errors: 10 } });
    expect(fleet.state.phase).toBe('rolled-back');
  });

  it.each([
    ['errors', { errors: 5 }, /errors over the objective of 2.00 %/],
    ['latency', { slower: 9 }, /more than 10.00 % over 300 ms/],
  ])('is rolled back while it is watched, for the objective of %s', (_, canary, reason) => {
    const fleet = started();
    fleet.tick(600);
    fleet.tick(4);
    expect(fleet.state.phase).toBe('watch');
    fleet.tick(15, { canary });
    expect(fleet.decision).toMatchObject({ phase: 'rolled-back', reason: expect.stringMatching(reason) });
    expect(fleet.effects.slice(-2)).toEqual(BLOCKED);
  });

  it('stays while control suffers the same, and is no worse for it afterwards', () => {
    const fleet = started({ autoPromote: false });
    fleet.tick(60, { canary: { errors: 5 }, control: { errors: 5 } });
    fleet.tick(60);
    expect(['canary', 'ready']).toContain(fleet.state.phase);
  });

  it('is not promoted for a difference that is in the tolerance of the rollback only', () => {
    const fleet = started();
    fleet.tick(400, { canary: { slower: 2 } });
    expect(['canary', 'rolled-back']).toContain(fleet.state.phase);
  });

  it('raises alarms', () => {
    const fleet = started({ alpha: 1e-9 });
    fleet.tick(6, { canary: { errors: 2, slower: 5 } });
    expect(fleet.decision.alarms).toEqual([
      expect.stringMatching(/^p95 over 1.2/),
      expect.stringMatching(/^errors over 1.00 %/),
    ]);
  });

  it('raises an alarm when it gets less traffic than it was given', () => {
    const fleet = started({ alpha: 1e-9, maxDurationMs: 1e9 });
    fleet.tick(20, { canary: { requests: 2 }, control: { requests: 2_000 } });
    expect(fleet.decision.alarms).toContainEqual(expect.stringMatching(/^gets 0.84 % of the traffic instead of 5.00 %$/)); // prettier-ignore
  });
});

describe('a hold', () => {
  it('begins with a fault and ends after three good scrapes', () => {
    const fleet = started();
    fleet.fault();
    expect(fleet.decision).toMatchObject({ verdict: 'hold', reason: 'no scrape: unreachable' });
    fleet.tick(2);
    expect(fleet.decision.verdict).toBe('hold');
    fleet.tick(1);
    expect(fleet.decision.verdict).toBe('continue');
  });

  it('takes the traffic away after ten minutes, blocks nothing, and a person lets it go on', () => {
    const fleet = started();
    fleet.fault(601);
    expect(fleet.decision).toMatchObject({ verdict: 'ask', phase: 'asks', share: 0 });
    expect(fleet.effects.at(-1)).toEqual({ kind: 'traffic', mode: 'canary', share: 0, newSalt: false });
    fleet.tick(100);
    expect(fleet.decision).toMatchObject({ verdict: 'ask', share: 0 });
    fleet.command('release');
    expect(fleet.effects.at(-1)).toEqual({ kind: 'traffic', mode: 'canary', share: 500, newSalt: false });
    fleet.tick(600);
    expect(fleet.state.phase).toBe('watch');
  });

  it('takes the traffic away from a canary, too, that waits for a person with its share', () => {
    const fleet = started({ maxDurationMs: 40_000 });
    fleet.tick(60);
    expect(fleet.decision).toMatchObject({ verdict: 'ask', phase: 'asks', share: 2_500 });
    fleet.fault(599);
    expect(fleet.decision).toMatchObject({ verdict: 'hold', phase: 'asks', share: 2_500 });
    fleet.fault(10);
    expect(fleet.decision).toMatchObject({ verdict: 'ask', phase: 'asks', share: 0 });
    expect(fleet.effects.at(-1)).toEqual({ kind: 'traffic', mode: 'canary', share: 0, newSalt: false });
  });

  it('comes before a promotion: without data nothing is ever promoted', () => {
    const fleet = new Fleet({ watchMs: 1_000 });
    for (let i = 0; i < 1_000; i += 1) {
      fleet.at += 1_000;
      fleet.send({ kind: 'scrape', at: fleet.at, scrape: { ...fleet.scrape(fleet.at), readings: [] } });
    }
    expect(fleet.decision).toMatchObject({ verdict: 'ask', phase: 'asks', share: 0 });
  });

  it('begins with a scrape that is stale or from the future, not with one that comes twice', () => {
    for (const late of [11_000, -11_000]) {
      const fleet = started();
      fleet.send({ kind: 'scrape', at: fleet.at, scrape: fleet.scrape(fleet.at - late) });
      expect(fleet.decision).toMatchObject({ verdict: 'hold', reason: 'the scrape is stale' });
    }
    const fleet = started();
    const { requests } = fleet.decision.evidence;
    fleet.serve();
    fleet.send({ kind: 'scrape', at: fleet.at + 10, scrape: fleet.scrape(fleet.at) });
    expect(fleet.decision).toMatchObject({ verdict: 'continue', evidence: { requests } });
  });

  it('begins when counters are reset again and again, not when they are once', () => {
    const fleet = started();
    fleet.restart();
    fleet.tick(2);
    expect(fleet.decision.verdict).toBe('continue');
    fleet.restart();
    fleet.tick(1);
    expect(fleet.decision).toMatchObject({ verdict: 'hold', reason: 'counters are reset again and again' });
    fleet.tick(20);
    expect(fleet.decision.verdict).not.toBe('hold');
  });

  it('latches when requests of the canary never end, until a person releases it', () => {
    const fleet = started({ autoPromote: false });
    fleet.tick(200, { canary: { lost: 15 } });
    expect(fleet.decision).toMatchObject({ verdict: 'hold', reason: expect.stringMatching(/not as many/) });
    fleet.tick(30);
    expect(fleet.decision.verdict).toBe('hold');
    fleet.command('release');
    fleet.tick(2);
    expect(fleet.decision.verdict).not.toBe('hold');
  });

  it('does not begin when the first requests of the canary take some seconds', () => {
    const fleet = started();
    for (const lost of [40, -40]) {
      for (let i = 0; i < 6; i += 1) {
        fleet.tick(1, { canary: { lost } });
        expect(fleet.decision.verdict).not.toBe('hold');
      }
    }
    fleet.tick(600);
    expect(fleet.state.phase).toBe('watch');
  });

  it('latches when the halves of the canary differ', () => {
    const fleet = started({ autoPromote: false, alpha: 1e-300 });
    fleet.tick(200, { canary: { slower: 0 }, canaryB: { slower: 4 } });
    expect(fleet.decision).toMatchObject({ verdict: 'hold', reason: expect.stringMatching(/halves/) });
  });

  it('does not stop a breach of the objective, but a plain rollback', () => {
    for (const [canary, phase] of [
      [{ slower: 4 }, 'canary'],
      [{ errors: 20 }, 'rolled-back'],
    ] as const) {
      // prettier-ignore
      const fleet = started();
      for (let i = 0; i < 40; i += 1) {
        fleet.fault();
        fleet.tick(1, { canary });
      }
      expect(fleet.state.phase).toBe(phase);
    }
  });
});

describe('A/A', () => {
  it('salts again when the sides differ, and asks when no split is fair', () => {
    const fleet = new Fleet();
    const unfair = { canary: { slower: 5 } };
    fleet.tick(16, unfair);
    expect(fleet.effects.at(-1)).toEqual({ kind: 'traffic', mode: 'aa', share: 500, newSalt: true });
    fleet.tick(300, unfair);
    expect(fleet.decision).toMatchObject({ verdict: 'ask', phase: 'asks', share: 0 });
    fleet.command('release');
    fleet.tick(300);
    expect(fleet.state.phase).toBe('canary');
  });

  it('may be left out', () => {
    const fleet = new Fleet({ aaRequests: 0 });
    expect(fleet.effects).toEqual([{ kind: 'traffic', mode: 'canary', share: 500, newSalt: false }]);
    fleet.tick(600);
    expect(fleet.state.phase).toBe('watch');
  });

  it('is no time to promote', () => {
    const fleet = new Fleet();
    fleet.tick(5);
    fleet.command('promote');
    expect(fleet.decision.reason).toMatch(/^refused: the canary has served nothing/);
    expect(fleet.state.phase).toBe('aa');
  });
});

describe('a person', () => {
  it('is asked at the maximum duration', () => {
    const fleet = started({ maxDurationMs: 40_000 });
    fleet.tick(60);
    expect(fleet.decision).toMatchObject({ verdict: 'ask', phase: 'asks', reason: expect.stringMatching(/inconclusive/) }); // prettier-ignore
    fleet.tick(600);
    expect(fleet.state.phase).toBe('asks');
    fleet.command('promote');
    expect(fleet.state.phase).toBe('watch');
  });

  it('may abort at any time, and blocks nothing by it', () => {
    for (const seconds of [0, 5, 150]) {
      const fleet = new Fleet();
      fleet.tick(seconds);
      fleet.command('abort');
      expect(fleet.decision).toMatchObject({ verdict: 'abort', phase: 'aborted', share: 0 });
      expect(fleet.effects.slice(-2)).toEqual([{ kind: 'rollback', block: false }, { kind: 'end' }]);
    }
  });
});

it('a state does not grow with time', () => {
  const fleet = started({ autoPromote: false });
  fleet.tick(100);
  const before = JSON.stringify(fleet.state).length;
  for (let i = 0; i < 10; i += 1) fleet.tick(100);
  expect(fleet.state.phase).toBe('ready');
  expect(JSON.stringify(fleet.state).length).toBeLessThan(before * 1.3);
});
