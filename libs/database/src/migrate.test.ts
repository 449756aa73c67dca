import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { openDatabase } from './database.ts';
import { migrate, type Migration } from './migrate.ts';
import { openStores } from './stores.ts';
import { engines, log, shared } from './testing/engines.ts';
import { codeOf, entry } from './testing/samples.ts';

const first: Migration = { name: 'first', statements: ['create table frontier.things (id text)'] };
const broken: Migration = {
  name: 'broken',
  statements: ['create table frontier.more (id text)', 'create nonsense'],
};

describe.each(engines)('migrations on $name', ({ start }) => {
  it('run once, in order, all or nothing', async () => {
    const engine = await start();
    const database = await openDatabase(engine.options);
    const run = (...migrations: Migration[]) => database.run((db) => migrate(db, migrations));
    await run(first);
    await run(first);
    expect(await codeOf(run(first, broken))).toBe('INTERNAL_ERROR');
    const fixed = { ...broken, statements: broken.statements.slice(0, 1) };
    await run(first, fixed);
    await database.close();
    await engine.stop();
  }, 60_000);
});

describe.each(shared)('migrations on $name', ({ start }) => {
  it('are run by several processes at once', async () => {
    const engine = await start();
    const opened = await Promise.all(Array.from({ length: 4 }, () => openDatabase(engine.options)));
    const [database] = opened;
    const done = await database?.run((db) => sql`select name from frontier.migrations`.execute(db));
    expect(done?.rows).toEqual([{ name: '0001-registry-and-rollouts' }, { name: '0002-rollout-waits' }]);
    await Promise.all(opened.map((database) => database.close()));
    await engine.stop();
  }, 60_000);
});

it('an embedded database keeps its data in a folder', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'frontier-database-'));
  const before = await openStores({ folder, log });
  const appended = await before.audit.append(entry());
  await before.close();
  const after = await openStores({ folder, log });
  expect((await after.audit.list({}, 10)).items).toEqual([appended]);
  await after.close();
  await rm(folder, { recursive: true });
}, 60_000);
