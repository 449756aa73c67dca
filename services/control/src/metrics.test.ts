import { Registry } from 'prom-client';
import { controlMetrics } from './metrics.ts';

async function databaseUp(askDatabase: () => Promise<unknown>): Promise<string | undefined> {
  const registry = new Registry();
  controlMetrics(registry, askDatabase);
  return /^database_up (\d)$/m.exec(await registry.metrics())?.[1];
}

describe('the metrics of the control service', () => {
  it.each([
    ['answers', () => Promise.resolve(), '1'],
    ['refuses', () => Promise.reject(new Error('down')), '0'],
  ])('tell whether the database %s', async (_, ask, expected) => {
    expect(await databaseUp(ask)).toBe(expected);
  });

  it('do not wait for a database that says nothing', async () => {
    jest.useFakeTimers();
    try {
      const answer = databaseUp(() => new Promise(() => undefined));
      await jest.advanceTimersByTimeAsync(3_000);
      expect(await answer).toBe('0');
    } finally {
      jest.useRealTimers();
    }
  });
});
