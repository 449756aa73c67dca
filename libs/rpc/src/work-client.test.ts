import { DispatchServer, type WorkerStream } from './dispatch-server.ts';
import type { WorkerMessage__Output } from './gen/dispatch/v1/WorkerMessage.ts';
import { WorkStream } from './work-client.ts';

let server: DispatchServer;
let endpoint: string;
let accept: (stream: WorkerStream) => void;
let accepted: Promise<WorkerStream>;

beforeEach(async () => {
  accepted = new Promise((resolve) => (accept = resolve));
  server = new DispatchServer({
    host: '127.0.0.1',
    port: 0,
    onWorker: (s) => accept(s),
    onGateway: () => {},
  });
  endpoint = `127.0.0.1:${await server.start()}`;
});

afterEach(() => server.stop(100));

test('messages go both ways, in order', async () => {
  const got: WorkerMessage__Output[] = [];
  let answered = (): void => {};
  const answer = new Promise<void>((resolve) => (answered = resolve));
  const worker = await WorkStream.connect(endpoint, ({ cancel }) => {
    expect(cancel?.ids).toEqual(['x']);
    answered();
  });
  worker.send({ register: { worker_id: 'w', pool: 'cpu' } });
  worker.send({ credit: { model: 'm', version: '1', count: 2 } });
  const dispatcher = await accepted;
  await new Promise<void>((resolve) => {
    dispatcher.onMessage((message) => {
      if (got.push(message) === 2) resolve();
    });
  });
  expect(got).toMatchObject([{ register: { worker_id: 'w' } }, { credit: { count: 2 } }]);
  dispatcher.send({ cancel: { ids: ['x'] } });
  await answer;
  await worker.close();
});

test('close delivers what was sent before', async () => {
  const worker = await WorkStream.connect(endpoint, () => {});
  worker.send({ drain: {} });
  const dispatcher = await accepted;
  let drained = false;
  dispatcher.onMessage(({ drain }) => (drained = drain != null));
  await worker.close();
  expect(drained).toBe(true);
  worker.send({ drain: {} });
});

test('knows when the dispatcher ends the stream', async () => {
  const worker = await WorkStream.connect(endpoint, () => {});
  worker.send({ drain: {} });
  (await accepted).close();
  await worker.ended;
});

test('where nobody listens it rejects', async () => {
  await server.stop(0);
  await expect(WorkStream.connect(endpoint, () => {})).rejects.toThrow();
});
