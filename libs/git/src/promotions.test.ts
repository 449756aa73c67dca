import { execFile } from 'node:child_process';
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { activateFailpoints } from '@frontier/kit/failpoint';
import type { Promotions } from './promotions.ts';
import { never, promotionsOn, reason, release } from './testing/fixture.ts';
import { bareRepository, commitFile, git, gitWith, hook } from './testing/remotes.ts';

const place = { environment: 'prod', model: 'text-direction' };
const one = release('1');
const two = release('2');
const three = release('3');

let folder: string;
let dir: string;
let controller: Promotions;

beforeEach(async () => {
  ({ folder, dir } = await bareRepository());
  controller = promotionsOn(dir, folder);
});

afterEach(async () => {
  activateFailpoints([]);
  await rm(folder, { recursive: true, force: true });
});

const begin = (of = controller, at = place) => of.begin(at, one, reason('begin', { approvedBy: null }), never); // prettier-ignore
const propose = (to: typeof two, mode: 'shadow' | 'canary', id: string, of = controller, at = place) =>
  of.propose(at, { ...to, mode }, one.digest, reason(id), never);

async function promoteTwo() {
  await begin();
  await propose(two, 'canary', 'd1');
  return controller.promote(place, two.digest, one.digest, reason('d2', { gate: 'G5' }), never);
}

const faultOf = async (
  work: Promise<unknown>,
): Promise<{ code?: string; message?: string; reason?: unknown }> =>
  // prettier-ignore
  work.then(
    () => ({}),
    (error) => ({ code: error.code, message: error.message, reason: error.details?.reason }),
  );

describe('the way of a version', () => {
  it('is a candidate in the idle slot, then stable in it, with the old one standing by', async () => {
    await begin();
    const shadow = await propose(two, 'shadow', 'd1');
    expect(shadow.file.candidate).toEqual({ ...two, slot: 'green', mode: 'shadow' });
    const { file } = await propose(two, 'canary', 'd2');
    expect(file.candidate).toEqual({ ...two, slot: 'green', mode: 'canary' });
    const promoted = await controller.promote(place, two.digest, one.digest, reason('d3', { gate: 'G5' }), never); // prettier-ignore
    expect(promoted.file).toMatchObject({ stable: { ...two, slot: 'green' }, candidate: { ...one, slot: 'blue', mode: 'standby' }, decisionId: 'd3' }); // prettier-ignore
    expect(await controller.read(place, never)).toEqual(promoted);
    const settled = await controller.settle(place, one.digest, two.digest, reason('d4', { approvedBy: null }), never); // prettier-ignore
    expect(settled.file.candidate).toBeNull();
    const next = await controller.propose(place, { ...three, mode: 'shadow' }, two.digest, reason('d5'), never); // prettier-ignore
    expect(next.file.candidate?.slot).toBe('blue');
  });

  it('leaves a commit with its trailers and nothing but the file changed', async () => {
    await promoteTwo();
    expect(await git(dir, 'log', '-1', '--format=%B%an <%ae>', 'main')).toBe(
      `prod/text-direction: promote ${two.digest}\n\nDecision-Id: d2\nEvidence-SHA256: ${'e'.repeat(64)}\nGate: G5\nRequested-by: controller\nApproved-by: Ada\nFrontier <frontier@localhost>`,
    );
    expect(await git(dir, 'diff', '--name-only', 'main~1', 'main')).toBe('envs/prod/models/text-direction.yaml'); // prettier-ignore
    expect(await git(dir, 'log', '-1', '--format=%(trailers:key=Approved-by,valueonly)', 'main')).toBe('Ada');
    expect(await git(dir, 'fsck', '--strict')).toBe('');
  });

  it('ends with a rollback that blocks the digest until somebody unblocks it', async () => {
    await begin();
    await propose(two, 'canary', 'd1');
    const back = await controller.rollback(place, two.digest, true, one.digest, reason('d2', { approvedBy: null }), never); // prettier-ignore
    expect(back.file).toMatchObject({ stable: one, candidate: null, blocked: [two.digest] });
    expect(await faultOf(propose(two, 'shadow', 'd3'))).toMatchObject({
      code: 'CONFLICT',
      reason: 'blocked',
    });
    await controller.unblock(place, two.digest, one.digest, reason('d4'), never);
    expect((await propose(two, 'shadow', 'd5')).file.blocked).toEqual([]);
  });

  it('goes back to the predecessor, into its slot, after a promotion', async () => {
    await promoteTwo();
    const back = await controller.rollback(place, two.digest, true, two.digest, reason('d3', { approvedBy: null }), never); // prettier-ignore
    expect(back.file).toMatchObject({ stable: { ...one, slot: 'blue' }, candidate: null, blocked: [two.digest] }); // prettier-ignore
  });

  it('can be taken away without a block', async () => {
    await begin();
    await propose(two, 'canary', 'd1');
    const back = await controller.rollback(place, two.digest, false, one.digest, reason('d2'), never);
    expect(back.file).toMatchObject({ candidate: null, blocked: [] });
  });

  it('enters an environment only from the one before', async () => {
    const both = promotionsOn(dir, folder, ['staging', 'prod']);
    const staging = { environment: 'staging', model: place.model };
    await begin(both, staging);
    await begin(both);
    expect(await faultOf(propose(two, 'shadow', 'd1', both))).toMatchObject({ reason: 'not-stable-before' });
    await propose(two, 'canary', 'd1', both, staging);
    await both.promote(staging, two.digest, one.digest, reason('d2'), never);
    const { file } = await both.promoteEnvironment(place, one.digest, reason('d3'), never);
    expect(file.candidate).toMatchObject({ ...two, mode: 'shadow' });
    expect(await faultOf(both.promoteEnvironment(staging, two.digest, reason('d4'), never))).toMatchObject({ code: 'INVALID_INPUT' }); // prettier-ignore
  });
});

describe('a decision', () => {
  it('made again gives the commit that is there', async () => {
    const first = await promoteTwo();
    const before = await git(dir, 'rev-parse', 'main');
    const again = promotionsOn(dir, folder);
    expect(await again.promote(place, two.digest, one.digest, reason('d2', { gate: 'G5' }), never)).toEqual(first); // prettier-ignore
    expect(await git(dir, 'rev-parse', 'main')).toBe(before);
  });

  it('is not mistaken for one whose id begins or reads like it', async () => {
    await begin();
    await propose(two, 'shadow', 'd.1');
    await propose(two, 'canary', 'd');
    await propose(two, 'shadow', 'dx1');
    expect(await git(dir, 'rev-list', '--count', 'main')).toBe('5');
  });

  it('cannot stand for two changes', async () => {
    await begin();
    await propose(two, 'shadow', 'd1');
    expect(await faultOf(propose(two, 'canary', 'd1'))).toMatchObject({ reason: 'decision-reused' });
  });

  it('made on another stable version is refused', async () => {
    await promoteTwo();
    expect(await faultOf(propose(three, 'shadow', 'd3'))).toMatchObject({ code: 'CONFLICT', reason: 'stable-changed' }); // prettier-ignore
  });

  it.each([
    ['no approver', { approvedBy: null }, 'FORBIDDEN'],
    ['its own approver', { requestedBy: 'Ada', approvedBy: 'ada' }, 'FORBIDDEN'],
    ['a second line', { approvedBy: 'Ada\nGate: G5' }, 'INVALID_INPUT'],
    ['a hash that is none', { evidenceSha256: 'sha256:1' }, 'INVALID_INPUT'],
  ])('with %s is refused', async (_, overrides, code) => {
    await begin();
    const work = controller.propose(place, { ...two, mode: 'shadow' }, one.digest, reason('d1', overrides), never); // prettier-ignore
    expect(await faultOf(work)).toMatchObject({ code });
    expect(await git(dir, 'rev-list', '--count', 'main')).toBe('2');
  });

  it('that does not fit the file is refused', async () => {
    expect(await faultOf(propose(two, 'shadow', 'd1'))).toMatchObject({ reason: 'missing' });
    await begin();
    const again = controller.begin(place, two, reason('other'), never);
    expect(await faultOf(again)).toMatchObject({ reason: 'exists' });
    await propose(two, 'shadow', 'd1');
    const promote = (digest: string) => controller.promote(place, digest, one.digest, reason('d2'), never);
    expect(await faultOf(promote(two.digest))).toMatchObject({ reason: 'candidate-changed' });
    expect(await faultOf(promote(three.digest))).toMatchObject({ reason: 'candidate-changed' });
    expect(await faultOf(propose(three, 'shadow', 'd2'))).toMatchObject({ reason: 'candidate-changed' });
    expect(await faultOf(propose(one, 'shadow', 'd2'))).toMatchObject({ reason: 'exists' });
  });
});

describe('conflicts', () => {
  it('keeps the changes of all who commit at once, to different models', async () => {
    const models = Array.from({ length: 6 }, (_, i) => ({ environment: 'prod', model: `m${i}` }));
    await Promise.all(models.map((at) => begin(promotionsOn(dir, folder), at)));
    expect((await git(dir, 'ls-tree', '-r', '--name-only', 'main')).split('\n')).toHaveLength(6);
    expect(await git(dir, 'rev-list', '--count', '--merges', 'main')).toBe('0');
  });

  it('lets one of two controllers win the same file, and tells the other to decide again', async () => {
    await begin();
    const results = await Promise.all([
      faultOf(propose(two, 'canary', 'd1', promotionsOn(dir, folder))),
      faultOf(propose(three, 'canary', 'd2', promotionsOn(dir, folder))),
    ]);
    const reasons = new Set(results.map((result) => result.reason ?? 'won'));
    expect(reasons).toEqual(new Set(['candidate-changed', 'won']));
    expect(await git(dir, 'rev-list', '--count', 'main')).toBe('3');
  });

  it('lets two controllers with the same decision make one commit', async () => {
    await begin();
    const both = await Promise.all([1, 2].map(() => propose(two, 'canary', 'd1', promotionsOn(dir, folder))));
    expect(both[0]).toEqual(both[1]);
    expect(await git(dir, 'rev-list', '--count', 'main')).toBe('3');
  });

  it('notices that somebody has pushed between its look and its push', async () => {
    await begin();
    activateFailpoints([{ name: 'git.push.before', action: { kind: 'delay', ms: 3000 }, at: 1 }]);
    const slow = propose(two, 'canary', 'd1');
    await commitFile(dir, 'README.md', 'by hand');
    await slow;
    expect(await git(dir, 'log', '--format=%s', 'main')).toMatch(/^prod.text-direction: canary.*\nby hand\nprod.text-direction: begin/); // prettier-ignore
    expect(await git(dir, 'ls-tree', '-r', '--name-only', 'main')).toBe('README.md\nenvs/prod/models/text-direction.yaml'); // prettier-ignore
  });
});

describe('faults', () => {
  it('says what the remote said when it refuses, and nothing is left there', async () => {
    await begin();
    await hook(dir, 'pre-receive', 'echo only on weekdays >&2; exit 1');
    const fault = await faultOf(propose(two, 'canary', 'd1'));
    expect(fault).toMatchObject({ code: 'FORBIDDEN' });
    expect(fault.message).toContain('only on weekdays');
    await rm(join(dir, 'hooks'), { recursive: true });
    expect((await propose(two, 'canary', 'd1')).file.candidate?.version).toBe('2');
  });

  it('is unavailable while the remote is gone, and goes on when it is back', async () => {
    await begin();
    await rename(dir, `${dir}.gone`);
    expect(await faultOf(propose(two, 'canary', 'd1'))).toMatchObject({ code: 'UNAVAILABLE' });
    await rename(`${dir}.gone`, dir);
    expect((await propose(two, 'canary', 'd1')).file.candidate?.version).toBe('2');
  });

  it('gives up a remote that hangs after its deadline, and recovers', async () => {
    await begin();
    await hook(dir, 'pre-receive', 'sleep 30');
    const hasty = promotionsOn(dir, folder, ['prod'], 4_000);
    const fault = await faultOf(propose(two, 'canary', 'd1', hasty));
    expect(fault).toMatchObject({ code: 'UNAVAILABLE' });
    expect(fault.message).toContain('took over');
    await rm(join(dir, 'hooks'), { recursive: true });
    expect((await propose(two, 'canary', 'd1', hasty)).file.candidate?.version).toBe('2');
  });

  it('stops at once when told to', async () => {
    await begin();
    await hook(dir, 'pre-receive', 'sleep 30');
    const stop = new AbortController();
    const work = controller.propose(place, { ...two, mode: 'canary' }, one.digest, reason('d1'), stop.signal);
    setTimeout(() => stop.abort(), 500);
    expect(await faultOf(work)).toMatchObject({ code: 'CANCELLED' });
  });

  it('needs the branch to be there', async () => {
    await git(dir, 'update-ref', '-d', 'refs/heads/main');
    expect(await faultOf(begin())).toMatchObject({ code: 'UNAVAILABLE', message: expect.stringContaining('push a first commit') }); // prettier-ignore
  });

  it.each([
    ['broken YAML', 'stable: [', 'line 1'],
    ['a field more', 'schema: 1\nextra: 1', 'environment'],
    ['an alias', 'a: &a [1]\nb: *a', 'schema'],
  ])('leaves a file with %s alone and says where it is', async (_, text, part) => {
    await commitFile(dir, 'envs/prod/models/text-direction.yaml', text);
    const fault = await faultOf(controller.read(place, never));
    expect(fault).toMatchObject({ code: 'CONFLICT', reason: 'file-invalid' });
    expect(fault.message).toContain('envs/prod/models/text-direction.yaml');
    expect(fault.message).toContain(part);
  });

  it('does not follow a link', async () => {
    const path = join(folder, 'target');
    await writeFile(path, 'secret');
    const blob = await git(dir, 'hash-object', '-w', path);
    let tree = await git(dir, 'rev-parse', 'main^{tree}');
    for (const [mode, type, name] of [
      ['120000', 'blob', 'text-direction.yaml'],
      ['040000', 'tree', 'models'],
      ['040000', 'tree', 'prod'],
      ['040000', 'tree', 'envs'],
    ] as const) {
      // prettier-ignore
      const object = type === 'blob' ? blob : tree;
      tree = await gitWith(`${mode} ${type} ${object}\t${name}\n`, dir, 'mktree');
    }
    await git(dir, 'update-ref', 'refs/heads/main', await git(dir, 'commit-tree', tree, '-m', 'link'));
    expect(await faultOf(controller.read(place, never))).toMatchObject({ reason: 'file-invalid' });
  });

  it.each([
    { environment: 'prod', model: '../../etc' },
    { environment: 'prod', model: '--upload-pack=x' },
    { environment: 'prod', model: 'a..b' },
    { environment: '../prod', model: 'm' },
    { environment: 'other', model: 'm' },
  ])('refuses a place that cannot be: %p', async (at) => {
    expect(await faultOf(controller.read(at, never))).toMatchObject({ code: 'INVALID_INPUT' });
  });
});

describe('death', () => {
  it('between commit and push leaves nothing, and the same decision is made again', async () => {
    await begin();
    const clone = join(folder, 'killed');
    const script = `
      const { activateFailpoints } = require('@frontier/kit/failpoint');
      const { Promotions } = require(${JSON.stringify(join(__dirname, 'promotions.ts'))});
      activateFailpoints([{ name: 'git.push.before', action: { kind: 'kill' } }]);
      new Promotions({ remote: { url: ${JSON.stringify(dir)} }, branch: 'main', folder: ${JSON.stringify(clone)}, author: { name: 'a', email: 'a@b' }, timeoutMs: 15000, log: { info() {} }, environments: ['prod'] })
        .propose(${JSON.stringify(place)}, ${JSON.stringify({ ...two, mode: 'canary' })}, ${JSON.stringify(one.digest)}, ${JSON.stringify(reason('d1'))}, new AbortController().signal)
        .catch((error) => console.log(error));`;
    const run = promisify(execFile)(process.execPath, ['--conditions=source', '-e', script], { cwd: __dirname, timeout: 20_000 }); // prettier-ignore
    await expect(run).rejects.toMatchObject({ signal: 'SIGKILL' });
    expect(await git(dir, 'rev-list', '--count', 'main')).toBe('2');
    expect((await propose(two, 'canary', 'd1')).file.candidate?.version).toBe('2');
    expect(await git(dir, 'rev-list', '--count', 'main')).toBe('3');
  });
});

test('tells whether what was synced has a commit', async () => {
  const { commit } = await begin();
  const { commit: later } = await propose(two, 'shadow', 'd1');
  expect(await controller.contains(later, commit, never)).toBe(true);
  expect(await controller.contains(commit, later, never)).toBe(false);
  expect(await controller.contains('f'.repeat(40), commit, never)).toBe(false);
  expect(await faultOf(controller.contains('--all', commit, never))).toMatchObject({ code: 'INVALID_INPUT' });
});
