// Calls of every kind that a board tells apart, at a steady rate.
import { sleep } from '../lib/run.mjs';

const CALL_MS = 10_000;
const row = (first) => [Array.from({ length: 16 }, (_, i) => first + i)];
const simple = (priority) => ({ model: 'simple', priority, inputs: { INPUT0: row(1), INPUT1: row(101) } });

const infer = (body) => ({ path: '/v1/infer', body });
const story = { model: 'tiny-gpt', prompt: 'Once upon a time', params: { max_new_tokens: 8 } };

/** In turn; how often each comes is how often it stands here. */
const CALLS = [
  infer(simple('vip')),
  infer(simple('standard')),
  infer(simple('standard')),
  infer(simple('low')),
  infer(story),
  { path: '/v1/infer/stream', body: story },
  infer(simple('standard')),
  infer({ model: 'no-such-model', inputs: {} }),
];
/** Of a model that no worker has: it waits until its deadline. */
const PARKED = infer({
  model: 'mlp',
  deadline_ms: 3_000,
  inputs: { x: [Array.from({ length: 256 }, () => 0.5)] },
});
const PARKED_EVERY = 100;

/** Sends for so long; the number of calls by status. */
export async function load({ http }, { seconds, rate }) {
  const url = `http://127.0.0.1:${http}`;
  const statuses = new Map();
  const open = new Set();
  const end = performance.now() + seconds * 1_000;
  for (let i = 0; performance.now() < end; i += 1) {
    const { path, body } = i % PARKED_EVERY === PARKED_EVERY - 1 ? PARKED : CALLS[i % CALLS.length];
    const call = send(`${url}${path}`, body).then((status) =>
      statuses.set(status, (statuses.get(status) ?? 0) + 1),
    );
    open.add(call);
    void call.finally(() => open.delete(call));
    await sleep(1_000 / rate);
  }
  await Promise.all(open);
  return Object.fromEntries(statuses);
}

async function send(url, body) {
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(CALL_MS),
    });
    await answer.arrayBuffer();
    return answer.status;
  } catch (error) {
    return error.name;
  }
}
