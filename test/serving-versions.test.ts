import { TestRepository } from '../services/worker/src/testing/repository.ts';
import { startStack, type Stack } from './support/stack.ts';

jest.setTimeout(60_000);

let repository: TestRepository;
let stack: Stack;

beforeAll(async () => {
  repository = await TestRepository.open();
  await repository.add('simple', '1');
  await repository.add('simple', '2');
  stack = await startStack('', {
    MODEL_REPOSITORY: repository.dir,
    MODEL_POLL_MS: '100',
    // One version of `simple` by the estimate, and not two.
    MODEL_MEMORY_BYTES: String(40 * 1024 * 1024),
    MODEL_IDLE_MS: '0',
  });
});
afterAll(async () => {
  await stack.stop();
  await repository.close();
});

/** `version@sum` of a call of `simple`, or its error. */
async function call(version?: string): Promise<string> {
  const row = Array.from({ length: 16 }, () => 21);
  const response = await fetch(`${stack.http}/v1/infer`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'simple', version, inputs: { INPUT0: [row], INPUT1: [row] } }),
  });
  const { data, error } = (await response.json()) as {
    data: { version: string; outputs: Record<string, number[][]> } | null;
    error: { code: string } | null;
  };
  return data ? `${data.version}@${data.outputs['OUTPUT0']?.[0]?.[0]}` : (error?.code ?? 'nothing');
}

test('a call of a version that is known and not loaded is held until it is', async () => {
  expect(await call('2')).toBe('2@42');
  expect(await Promise.all(['1', '1', '1'].map(call))).toEqual(['1@42', '1@42', '1@42']);
  // And back: the newest one is what a call without a version gets.
  expect(await call()).toBe('2@42');
});

test('versions come and go under load, and no call fails', async () => {
  const over = new AbortController();
  const answers = new Set<string>();
  const load = Promise.all(
    Array.from({ length: 4 }, async () => {
      while (!over.signal.aborted) answers.add(await call());
    }),
  );
  await repository.add('simple', '3');
  while (!answers.has('3@42')) await new Promise((resolve) => setTimeout(resolve, 20));
  await repository.remove('simple', '1');
  await repository.remove('simple', '2');
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  over.abort();
  await load;
  expect(answers).toEqual(new Set(['2@42', '3@42']));
  expect(await call('2')).toBe('NOT_FOUND');
});
