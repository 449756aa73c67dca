import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serveEmbedded } from './embedded-server.ts';
import { toAppError } from './errors.ts';
import { openStores } from './stores.ts';
import { log } from './testing/engines.ts';
import { codeOf, entry } from './testing/samples.ts';

it('says that a server cannot be reached', async () => {
  const url = 'postgres://postgres@127.0.0.1:1/postgres';
  expect(await codeOf(openStores({ url, log }))).toBe('UNAVAILABLE');
});

it('does not wait for a server that says nothing', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `postgres://postgres@127.0.0.1:${(server.address() as AddressInfo).port}/postgres`;
  expect(await codeOf(openStores({ url, log }))).toBe('UNAVAILABLE');
  server.close();
});

it('waits for a server that starts later', async () => {
  const first = await serveEmbedded({ log });
  const { port } = new URL(first.url);
  await first.close();
  const opened = openStores({ url: first.url, log, waitMs: 60_000 });
  const server = await serveEmbedded({ port: Number(port), log });
  const stores = await opened;
  expect((await stores.audit.list({}, 10)).items).toEqual([]);
  await stores.close();
  await server.close();
}, 60_000);

it('ends that wait when it is told to', async () => {
  const url = 'postgres://postgres@127.0.0.1:1/postgres';
  const stop = new AbortController();
  const opened = openStores({ url, log, waitMs: 60_000, signal: stop.signal });
  stop.abort();
  expect(await codeOf(opened)).toBe('UNAVAILABLE');
});

it('works again when the server is back', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'frontier-database-'));
  const before = await serveEmbedded({ folder, log });
  const stores = await openStores({ url: before.url, log });
  const first = await stores.audit.append(entry());
  await before.close();
  expect(await codeOf(stores.audit.append(entry()))).toBe('UNAVAILABLE');
  expect(await codeOf(stores.audit.list({}, 10))).toBe('UNAVAILABLE');
  const after = await serveEmbedded({ folder, port: Number(new URL(before.url).port), log });
  expect((await stores.audit.list({}, 10)).items).toEqual([first]);
  await stores.close();
  await after.close();
  await rm(folder, { recursive: true });
}, 60_000);

it.each([
  [{ code: '57P01', message: 'terminating connection' }, 'UNAVAILABLE'],
  [{ code: '53300', message: 'too many connections' }, 'UNAVAILABLE'],
  [new Error('Query read timeout'), 'UNAVAILABLE'],
  [new AggregateError([Object.assign(new Error('x'), { code: 'ECONNREFUSED' })]), 'UNAVAILABLE'],
  [{ code: '57014', message: 'canceling statement due to statement timeout' }, 'TIMEOUT'],
  [{ code: '40P01', message: 'deadlock detected' }, 'CONFLICT'],
  [{ code: '42P01', message: 'no such table' }, 'INTERNAL_ERROR'],
  [new Error('a bug'), 'INTERNAL_ERROR'],
])('%p is %s', (thrown, code) => {
  expect(toAppError(thrown)).toMatchObject({ code, cause: thrown });
});
