import { getEventListeners } from 'node:events';
import { sleep, withTimeout } from './abort.ts';

test('sleep waits its time and leaves no listener', async () => {
  const { signal } = new AbortController();
  const before = performance.now();
  expect(await sleep(20, signal)).toBe(true);
  expect(performance.now() - before).toBeGreaterThanOrEqual(18);
  expect(getEventListeners(signal, 'abort')).toHaveLength(0);
});

test('sleep ends at once on abort', async () => {
  const controller = new AbortController();
  const slept = sleep(60_000, controller.signal);
  controller.abort();
  expect(await slept).toBe(false);
  expect(await sleep(60_000, controller.signal)).toBe(false);
});

test('withTimeout passes on what came in time', async () => {
  await expect(withTimeout(Promise.resolve(1), 1000, new Error('late'))).resolves.toBe(1);
  await expect(withTimeout(Promise.reject(new Error('own')), 1000, new Error('late'))).rejects.toThrow('own');
});

test('withTimeout gives up on what is late, and a failure after that harms nobody', async () => {
  const late = sleep(30).then(() => {
    throw new Error('too late to matter');
  });
  await expect(withTimeout(late, 5, () => new Error('late'))).rejects.toThrow('late');
  await sleep(50);
});
