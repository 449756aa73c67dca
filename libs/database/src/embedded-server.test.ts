import { once } from 'node:events';
import { connect } from 'node:net';
import { Client, Pool } from 'pg';
import { serveEmbedded, type EmbeddedServer } from './embedded-server.ts';
import { log } from './testing/engines.ts';

let server: EmbeddedServer;
let pools: Pool[];

beforeAll(async () => {
  server = await serveEmbedded({ log });
  pools = [1, 2].map(() => new Pool({ connectionString: server.url, max: 8 }));
  await pools[0]?.query('create table counters (name text primary key, value int not null)');
}, 60_000);

afterAll(async () => {
  await Promise.all(pools.map((pool) => pool.end()));
  await server.close();
});

const everywhere = <T>(times: number, work: (pool: Pool, i: number) => Promise<T>) =>
  Promise.all(pools.flatMap((pool, p) => Array.from({ length: times }, (_, i) => work(pool, p * times + i))));

it('answers each client what that client has asked', async () => {
  const answers = await everywhere(200, async (pool, i) => {
    // As many parameters as there are kinds of statements, so none can be taken for another.
    const columns = Array.from({ length: (i % 5) + 1 }, (_, column) => `$${column + 1}::int`);
    const { rows } = await pool.query<number[]>({
      text: `select ${columns.join(' + ')} as sum`,
      values: columns.map(() => i),
    });
    return rows[0];
  });
  expect(answers).toEqual(Array.from({ length: 400 }, (_, i) => ({ sum: i * ((i % 5) + 1) })));
});

it('keeps together what arrives in parts', async () => {
  const answers = await everywhere(20, async (pool, i) => {
    const text = 'x'.repeat(i % 2 === 0 ? 300_000 : 10);
    const { rows } = await pool.query<{ size: number }>('select length($1::text) as size', [text]);
    return rows[0]?.size === text.length;
  });
  expect(answers).toEqual(Array(40).fill(true));
});

it('runs transactions of several pools one after another', async () => {
  await pools[0]?.query(`insert into counters values ('all', 0)`);
  await everywhere(50, async (pool) => {
    const client = await pool.connect();
    await client.query('begin');
    const { rows } = await client.query<{ value: number }>('select value from counters where name = $1', [
      'all',
    ]);
    await client.query('update counters set value = $1 where name = $2', [(rows[0]?.value ?? 0) + 1, 'all']);
    await client.query('commit');
    client.release();
  });
  expect((await pools[0]?.query(`select value from counters where name = 'all'`))?.rows).toEqual([
    { value: 100 },
  ]);
});

it('goes on after a mistake, in a transaction too', async () => {
  const client = await (pools[0] as Pool).connect();
  await expect(client.query('select $1::int as x', ['one'])).rejects.toMatchObject({ code: '22P02' });
  await client.query('begin');
  await expect(client.query('select * from nowhere')).rejects.toMatchObject({ code: '42P01' });
  await expect(client.query('select 1')).rejects.toMatchObject({ code: '25P02' });
  await client.query('rollback');
  expect((await client.query('select 1 as x')).rows).toEqual([{ x: 1 }]);
  client.release();
});

it('rolls back the transaction of a client that is gone, while others wait', async () => {
  const client = new Client({ connectionString: server.url });
  client.on('error', () => undefined);
  await client.connect();
  await client.query('begin');
  await client.query(`insert into counters values ('gone', 1)`);
  const waiting = everywhere(4, (pool) => pool.query(`select * from counters where name = 'gone'`));
  (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
  expect((await waiting).map(({ rows }) => rows)).toEqual(Array(8).fill([]));
});

it('cuts off who speaks another protocol', async () => {
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  socket.resume();
  await once(socket, 'close');
  expect((await pools[0]?.query('select 1 as x'))?.rows).toEqual([{ x: 1 }]);
});

it('has no encryption and no cancelling, and says so', async () => {
  const secure = new Client({ connectionString: server.url, ssl: true });
  await expect(secure.connect()).rejects.toThrow('does not support SSL');
  const cancelling = connect(Number(new URL(server.url).port), '127.0.0.1');
  const request = Buffer.alloc(16);
  request.writeInt32BE(16, 0);
  request.writeInt32BE(80_877_102, 4);
  cancelling.write(request);
  cancelling.resume();
  await once(cancelling, 'close');
});
