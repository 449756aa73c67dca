import type { Outcome } from '@frontier/contracts/request';
import { RunTimes } from './run-times.ts';

const ran = (compute: number, model = 'm', status: Outcome['status'] = 'completed'): Outcome => ({
  status,
  model,
  version: '1',
  timing: { queue: 500, forming: 700, transport: 2, compute },
});

describe('RunTimes', () => {
  it('knows the fastest run, without the time in the queue', () => {
    const times = new RunTimes();
    for (const compute of [50, 20, 90]) times.observe(ran(compute), 0);
    expect(times.fastestMs('m', '1', 0)).toBe(22);
    expect(times.fastestMs('m', '2', 0)).toBe(0);
  });

  it('says nothing after a run or two, nor of runs that failed', () => {
    const times = new RunTimes();
    for (let i = 0; i < 2; i += 1) times.observe(ran(5_000), i);
    expect(times.fastestMs('m', '1', 2)).toBe(0);
    for (let i = 0; i < 9; i += 1) times.observe(ran(1, 'broken', 'failed'), i);
    expect(times.fastestMs('broken', '1', 9)).toBe(0);
  });

  it('forgets a model of which nothing was heard for 30 s', () => {
    const times = new RunTimes();
    for (let i = 0; i < 5; i += 1) times.observe(ran(10), i * 20_000);
    expect(times.fastestMs('m', '1', 110_000)).toBe(12);
    expect(times.fastestMs('m', '1', 110_001)).toBe(0);
    for (let i = 0; i < 3; i += 1) times.observe(ran(80), 200_000);
    expect(times.fastestMs('m', '1', 200_000)).toBe(82);
  });

  it('holds a bounded number of models', () => {
    const times = new RunTimes();
    for (let i = 0; i <= 1_000; i += 1) for (let n = 0; n < 3; n += 1) times.observe(ran(10, `m${i}`), 0);
    expect(times.fastestMs('m0', '1', 0)).toBe(0);
    expect(times.fastestMs('m1', '1', 0)).toBe(12);
    expect(times.fastestMs('m1000', '1', 0)).toBe(12);
  });
});
