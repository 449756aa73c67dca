import { startControl, type Harness } from '../testing/harness.ts';

const DIGEST = `sha256:${'9'.repeat(64)}`;
const SUBJECT = `digest/${DIGEST}`;

let control: Harness;
beforeAll(async () => void (control = await startControl()), 60_000);
afterAll(() => control.stop());

it('an unblocked digest is free in the database; the answer says who does the rest, and the log who it was', async () => {
  const { rollouts, audit } = control.stores;
  await rollouts.block(DIGEST, 'r', { who: 'canary-controller', action: 'digest.block', subject: SUBJECT, before: null, after: null, why: 'slow' }); // prettier-ignore
  const key = await control.key('hedy', 'approver');
  const unblock = () =>
    control.call(key, 'POST', `/admin/blocked-digests/${DIGEST}/unblock`, { why: 'mended' });
  const { status, body } = await unblock();
  expect(status).toBe(200);
  expect(body.data).toEqual({
    digest: DIGEST,
    blocked: false,
    note: expect.stringContaining('within a minute'),
  });
  expect(await rollouts.blocked()).not.toContain(DIGEST);
  // The controller reads exactly this one.
  const { items } = await audit.list({ subject: SUBJECT }, 1);
  expect(items).toMatchObject([{ action: 'digest.unblock', who: 'hedy', why: 'mended' }]);
  expect((await unblock()).status).toBe(404);
});
