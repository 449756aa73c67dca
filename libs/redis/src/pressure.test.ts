import { Pressure } from './pressure.ts';

const vip = { priority: 'vip', pool: 'cpu', index: 0 } as const;
const low = { priority: 'low', pool: 'cpu', index: 0 } as const;

describe('Pressure', () => {
  it('knows how full a shard was within the last second', () => {
    const pressure = new Pressure();
    expect(pressure.fillOf(vip, 0)).toBe(0);
    pressure.note(vip, { fill: 0.5, waits: false }, 0);
    expect(pressure.fillOf(vip, 1_000)).toBe(0.5);
    expect(pressure.fillOf({ ...vip, index: 1 }, 1_000)).toBe(0);
    expect(pressure.fillOf(vip, 1_001)).toBe(0);
  });

  it('has `low` give way in a pool that others crowd, not in another, nor to itself', () => {
    const pressure = new Pressure();
    pressure.note(low, { fill: 1, waits: false }, 0);
    pressure.note(vip, { fill: 0.75, waits: false }, 0);
    expect(pressure.crowds('cpu', 0)).toBe(false);
    pressure.note(vip, { fill: 0.76, waits: false }, 0);
    expect(pressure.crowds('cpu', 0)).toBe(true);
    expect(pressure.crowds('gpu', 0)).toBe(false);
    expect(pressure.crowds('cpu', 1_001)).toBe(false);
    pressure.note(vip, { fill: 0.2, waits: false }, 0);
    expect(pressure.crowds('cpu', 0)).toBe(false);
  });

  it('knows whether what matters more than `low` waits in a pool', () => {
    const pressure = new Pressure();
    pressure.note(low, { fill: 0.1, waits: true }, 0);
    expect(pressure.queues('cpu', 0)).toBe(false);
    pressure.note(vip, { fill: 0.1, waits: true }, 0);
    expect(pressure.queues('cpu', 1_000)).toBe(true);
    expect(pressure.queues('gpu', 0)).toBe(false);
    expect(pressure.queues('cpu', 1_001)).toBe(false);
  });

  it('has room for extras while nobody waits in a pool, `low` neither, and little is outstanding', () => {
    const pressure = new Pressure();
    expect(pressure.isRoomy('cpu', 0)).toBe(true);
    pressure.note(low, { fill: 0.1, waits: true }, 0);
    expect(pressure.isRoomy('cpu', 0)).toBe(false);
    expect(pressure.isRoomy('gpu', 0)).toBe(true);
    expect(pressure.isRoomy('cpu', 1_001)).toBe(true);
    pressure.note(low, { fill: 0.2, waits: false }, 0);
    expect(pressure.isRoomy('cpu', 0)).toBe(false);
    pressure.note(low, { fill: 0.1, waits: false }, 0);
    expect(pressure.isRoomy('cpu', 0)).toBe(true);
    pressure.memory = 0.71;
    expect(pressure.isRoomy('cpu', 0)).toBe(false);
  });

  it('refuses by the memory of Redis, `low` and large first', () => {
    const pressure = new Pressure();
    const at = (memory: number) => {
      pressure.memory = memory;
      return pressure.memoryRefuses;
    };
    expect([0, 0.7, 0.71, 0.85, 0.86].map(at)).toEqual([
      'none',
      'none',
      'low and large',
      'low and large',
      'all',
    ]);
  });
});
