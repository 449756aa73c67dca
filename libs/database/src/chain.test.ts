import { sql } from 'kysely';
import { openDatabase, type Database } from './database.ts';
import { storesOf, type Stores } from './stores.ts';
import { engines, type Engine } from './testing/engines.ts';
import { aDecision, aFault, aRollout, codeOf, entry } from './testing/samples.ts';

const LINES = 'frontier.chain_lines';

describe.each(engines)('chains on $name', ({ start }) => {
  let engine: Engine;
  let database: Database;
  let stores: Stores;

  beforeAll(async () => {
    engine = await start();
    database = await openDatabase(engine.options);
    stores = storesOf(database);
    for (let i = 0; i < 5; i += 1) await stores.audit.append(entry({ after: { i } }));
  }, 60_000);

  afterAll(async () => {
    await stores.close();
    await engine.stop();
  });

  const execute = (statement: string) => database.run((db) => sql.raw(statement).execute(db));

  /** What somebody could do who owns the database; undone in the end. */
  async function tampered(statement: string, check: () => Promise<void>): Promise<void> {
    await execute(`create table frontier.copy as select * from ${LINES}`);
    await execute(`alter table ${LINES} disable trigger append_only`);
    await execute(statement);
    await check();
    await execute(`delete from ${LINES}`);
    await execute(`insert into ${LINES} select * from frontier.copy`);
    await execute(`alter table ${LINES} enable trigger append_only`);
    await execute('drop table frontier.copy');
  }

  it.each([`update ${LINES} set hash = ''`, `delete from ${LINES}`, `truncate ${LINES}`])(
    'refuses: %s',
    async (statement) => {
      expect(await codeOf(execute(statement))).toBe('INTERNAL_ERROR');
      expect((await stores.audit.list({}, 10)).items).toHaveLength(5);
    },
  );

  it.each([
    [
      'a changed line',
      `update ${LINES} set line = replace(line::text, '"i":1', '"i":7')::json where seq = 2`,
      2,
    ],
    ['a changed hash', `update ${LINES} set hash = repeat('0', 64) where seq = 3`, 3],
    ['a missing line', `delete from ${LINES} where seq = 3`, 3],
    ['a missing beginning', `delete from ${LINES} where seq = 1`, 1],
    ['a missing end', `delete from ${LINES} where seq = 5`, 5],
  ])('finds %s', async (_, statement, broken) => {
    await tampered(statement, async () => {
      expect(await stores.audit.verify()).toBe(broken);
    });
    expect(await stores.audit.verify()).toBeUndefined();
  });

  it('checks more lines than it reads at once', async () => {
    const rollout = aRollout();
    await stores.rollouts.create(rollout, entry());
    for (let seq = 1; seq <= 120; seq += 1) {
      const line = { rollout: rollout.id, seq, at: aFault.at, event: aFault, decision: aDecision };
      await stores.rollouts.append(line, rollout);
    }
    expect(await stores.rollouts.verify(rollout.id)).toBeUndefined();
    const forged = `update ${LINES} set line = '{}' where chain = 'rollout/${rollout.id}' and seq = 110`;
    await tampered(forged, async () => {
      expect(await stores.rollouts.verify(rollout.id)).toBe(110);
    });
    expect(await codeOf(stores.rollouts.verify('none'))).toBe('NOT_FOUND');
  });
});
