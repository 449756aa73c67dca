import { ModelThread } from './model-thread.ts';
import type { RunAnswer, RunMessage } from './protocol.ts';
import { RecordedEvents, shippedModel } from './testing.ts';

test('a thread that dies tells what is lost, comes back warm and works', async () => {
  const events = new RecordedEvents();
  const answers: RunAnswer[] = [];
  const lost: Error[] = [];
  let answered = (): void => {};
  const thread = new ModelThread<RunMessage, RunAnswer>(
    { model: await shippedModel('simple'), providers: ['cpu'], events },
    (answer) => {
      answers.push(answer);
      answered();
    },
    (error) => lost.push(error),
  );
  await thread.start();
  const back = new Promise<void>((resolve) => (events.onReady = resolve));
  // Nothing that the main thread sends; it stands for a fault in native code or memory that ran out.
  thread.post(null as unknown as RunMessage);
  await back;
  expect(lost).toHaveLength(1);
  expect(events.deaths).toHaveLength(1);
  expect(events.readies).toHaveLength(2);

  const answer = new Promise<void>((resolve) => (answered = resolve));
  const data = new Uint8Array(64);
  const tensors = ['INPUT0', 'INPUT1'].map((name) => ({
    name,
    dtype: 'INT32' as const,
    shape: [1, 16],
    data,
  }));
  expect(thread.post({ type: 'run', id: 7, rows: 1, tensors, receivedUs: 0 })).toBe(true);
  await answer;
  expect(answers).toMatchObject([{ type: 'done', id: 7 }]);

  await thread.close();
  expect(thread.post({ type: 'run', id: 8, rows: 1, tensors, receivedUs: 0 })).toBe(false);
  expect(events.deaths).toHaveLength(1);
});
