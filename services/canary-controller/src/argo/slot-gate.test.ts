import { createServer, type Server } from 'node:http';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Stores } from '@frontier/database/stores';
import { parseEnv } from '@frontier/kit/config';
import { shape } from '../config.ts';
import { FakeApiServer } from '../testing/fake-api-server.ts';
import { Lab } from '../testing/lab.ts';
import { Kubernetes } from './kubernetes.ts';
import { ArgoGate, type Proposed } from './slot-gate.ts';
import { Smoke } from './smoke.ts';

const OLD = '0'.repeat(40);
const COMMIT = '1'.repeat(40);
const NEWER = '2'.repeat(40);
const CHARTS = 'c'.repeat(40);
const PROPOSED: Proposed = { model: 'm', version: '2', commit: COMMIT };
const never = new AbortController().signal;

/** As Argo CD 3.5 writes one with two sources, shortened. */
function application(status: object = {}) {
  return {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'Application',
    metadata: { name: 'prod-m', namespace: 'argocd' },
    spec: { project: 'frontier-prod' },
    status: {
      sync: { status: 'Synced', revisions: [CHARTS, COMMIT] },
      health: { status: 'Healthy', lastTransitionTime: '2026-11-21T21:00:00Z' },
      operationState: { phase: 'Succeeded', message: 'successfully synced (all tasks run)' },
      resources: [{ kind: 'Deployment', name: 'm-blue', status: 'Synced' }],
      ...status,
    },
  };
}

let server: FakeApiServer;
beforeAll(async () => (server = await FakeApiServer.start()));
beforeEach(() => {
  server.answer = undefined;
  server.applications.clear();
});
afterAll(() => server.stop());

const kubernetes = (options: { account?: string; timeoutMs?: number } = {}) =>
  new Kubernetes({ url: server.url, account: server.account, ...options });

function gate(options: Partial<ConstructorParameters<typeof ArgoGate>[0]> = {}): ArgoGate {
  const order = [OLD, COMMIT, NEWER];
  return new ArgoGate({
    kubernetes: kubernetes(),
    environments: { contains: async (revision, commit) => order.indexOf(revision) >= order.indexOf(commit) },
    environment: 'prod',
    namespace: 'argocd',
    application: '{environment}-{model}',
    smoke: undefined,
    ...options,
  });
}

test('a slot is ready when what is synced contains the commit, is healthy, and its sync has succeeded', async () => {
  server.applications.set('prod-m', application());
  expect(await gate().waitsFor(PROPOSED, never)).toBeUndefined();
});

test('another model may have committed since', async () => {
  server.applications.set('prod-m', application({ sync: { status: 'Synced', revisions: [CHARTS, NEWER] } }));
  expect(await gate().waitsFor(PROPOSED, never)).toBeUndefined();
});

test('one source gives one revision', async () => {
  server.applications.set('prod-m', application({ sync: { status: 'Synced', revision: COMMIT } }));
  expect(await gate().waitsFor(PROPOSED, never)).toBeUndefined();
});

test.each([
  [
    'a commit before it',
    { sync: { status: 'Synced', revisions: [CHARTS, OLD] } },
    'has not seen commit 111111111111 yet',
  ],
  ['a version of a chart', { sync: { status: 'Synced', revisions: ['1.2.3'] } }, 'has not seen commit'],
  [
    'nothing compared',
    { sync: undefined, health: undefined, operationState: undefined },
    'has not seen commit',
  ],
  ['a sync to come', { sync: { status: 'OutOfSync', revisions: [CHARTS, COMMIT] } }, 'is OutOfSync'],
  [
    'a sync that runs',
    { operationState: { phase: 'Running', message: 'waiting for\n hooks' } },
    'has a sync that is Running: waiting for hooks',
  ],
  [
    'a sync that failed',
    { operationState: { phase: 'Failed', message: 'quota exceeded' } },
    'has a sync that is Failed: quota exceeded',
  ],
  ['pods that are not ready', { health: { status: 'Progressing' } }, 'is Progressing'],
  ['pods that crash', { health: { status: 'Degraded' } }, 'is Degraded'],
  [
    'a template that refuses',
    {
      sync: { status: 'Unknown', revisions: [CHARTS, OLD] },
      conditions: [{ type: 'ComparisonError', message: 'version 2 of m is blocked' }],
    },
    'has a ComparisonError: version 2 of m is blocked',
  ],
  ['no status', undefined, 'has not seen commit'],
])('it waits: %s', async (_, status, reason) => {
  // prettier-ignore
  server.applications.set('prod-m', status ? application(status) : { ...application(), status: undefined });
  expect(await gate().waitsFor(PROPOSED, never)).toContain(`the Application argocd/prod-m ${reason}`);
});

test('an Application that is being deleted is waited for', async () => {
  const leaving = application();
  server.applications.set('prod-m', { ...leaving, metadata: { deletionTimestamp: '2026-11-21T21:00:00Z' } });
  expect(await gate().waitsFor(PROPOSED, never)).toContain('is being deleted');
});

test('conditions that are no errors do not matter', async () => {
  const conditions = [{ type: 'OrphanedResourceWarning', message: '3 of them' }];
  server.applications.set('prod-m', application({ conditions }));
  expect(await gate().waitsFor(PROPOSED, never)).toBeUndefined();
});

test('one that was made anew around what was there needs no sync of its own', async () => {
  server.applications.set('prod-m', application({ operationState: undefined }));
  expect(await gate().waitsFor(PROPOSED, never)).toBeUndefined();
});

test('refusals of the API server say what to do', async () => {
  expect(await gate().waitsFor(PROPOSED, never)).toContain('argocd/prod-m is not there yet');
  const elsewhere = gate({ namespace: 'kube-system' });
  expect(await elsewhere.waitsFor(PROPOSED, never)).toContain('(403): grant it get on this Application');
  server.answer = (response) => response.writeHead(500).end('{}');
  expect(await gate().waitsFor(PROPOSED, never)).toContain('the API server answers 500');
  server.answer = (response) => response.writeHead(200).end('<html>');
  expect(await gate().waitsFor(PROPOSED, never)).toContain('is not as Argo CD writes one');
});

test('while Git cannot be asked it waits', async () => {
  server.applications.set('prod-m', application());
  const environments = { contains: async () => { throw new Error('git is away'); } }; // prettier-ignore
  expect(await gate({ environments }).waitsFor(PROPOSED, never)).toContain(
    'cannot be looked at: git is away',
  );
});

test('a token that is replaced is read anew', async () => {
  const reader = kubernetes();
  server.applications.set('prod-m', application());
  const path = '/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/prod-m';
  expect((await reader.get(path, never)).status).toBe(200);
  server.rotate('second');
  expect((await reader.get(path, never)).status).toBe(200);
});

test('only the authority of the account is believed', async () => {
  const other = await FakeApiServer.start();
  try {
    await expect(kubernetes({ account: other.account }).get('/', never)).rejects.toThrow(/certificate/i);
  } finally {
    await other.stop();
  }
});

test('a server that does not answer is given up, by its deadline and by who asked', async () => {
  server.answer = () => undefined;
  await expect(kubernetes({ timeoutMs: 20 }).get('/', never)).rejects.toThrow(/abort/i);
  const asked = new AbortController();
  const call = kubernetes().get('/', asked.signal);
  asked.abort();
  await expect(call).rejects.toThrow(/abort/i);
});

test('an answer without end is cut off', async () => {
  server.answer = (response) => {
    const more = () => {
      while (!response.destroyed)
        if (!response.write('x'.repeat(65_536))) return response.once('drain', more);
    };
    more();
  };
  await expect(kubernetes().get('/', never)).rejects.toThrow('more than 8388608 bytes');
});

test('an answer that breaks off is none', async () => {
  server.answer = (response) => {
    response.writeHead(200, { 'content-length': 100 }).write('{');
    setImmediate(() => response.destroy());
  };
  await expect(kubernetes().get('/', never)).rejects.toThrow();
});

describe('the smoke test', () => {
  let gateway: Server;
  let folder: string;
  let status = 200;
  const bodies: unknown[] = [];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'frontier-smoke-'));
    await writeFile(join(folder, 'm.json'), JSON.stringify({ inputs: [1] }));
    gateway = createServer((request, response) => {
      let text = '';
      request
        .on('data', (chunk) => (text += chunk))
        .on('end', () => {
          bodies.push(JSON.parse(text));
          response.writeHead(status).end('{"error":"no worker"}');
        });
    });
    await new Promise<void>((resolve) => gateway.listen(0, '127.0.0.1', resolve));
  });
  afterAll(async () => {
    await new Promise((resolve) => gateway.close(resolve));
    await rm(folder, { recursive: true });
  });
  const smoke = () => new Smoke({ url: `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`, bodies: folder }); // prettier-ignore

  test('is a call that names the version, and has to be answered', async () => {
    server.applications.set('prod-m', application());
    status = 503;
    expect(await gate({ smoke: smoke() }).waitsFor(PROPOSED, never)).toBe(
      'a call to version 2 of m was not answered: 503 {"error":"no worker"}',
    );
    status = 200;
    expect(await gate({ smoke: smoke() }).waitsFor(PROPOSED, never)).toBeUndefined();
    expect(bodies).toEqual([
      { inputs: [1], model: 'm', version: '2' },
      { inputs: [1], model: 'm', version: '2' },
    ]);
  });

  test('comes after the sync', async () => {
    bodies.length = 0;
    server.applications.set('prod-m', application({ health: { status: 'Progressing' } }));
    expect(await gate({ smoke: smoke() }).waitsFor(PROPOSED, never)).toContain('Progressing');
    expect(bodies).toEqual([]);
  });

  test('is left out where there is no call for the model', async () => {
    expect(await smoke().faultOf('other', '2', never)).toBeUndefined();
  });

  test('says so where the call is unreadable', async () => {
    await writeFile(join(folder, 'broken.json'), '{');
    expect(await smoke().faultOf('broken', '2', never)).toContain('there is no call to version 2 of broken');
  });
});

describe('a rollout', () => {
  let stores: Stores;
  beforeAll(async () => (stores = await Lab.openStores()));
  afterAll(() => stores.close());

  test('gives no call to its canary before the slot is ready', async () => {
    const lab = await Lab.open(stores, 'slot-waits');
    let ready = false;
    const asked: Proposed[] = [];
    const slots = {
      async waitsFor(proposed: Proposed) {
        asked.push(proposed);
        return ready ? undefined : 'the Application argocd/prod-slot-waits is Progressing';
      },
    };
    const run = lab.run(undefined, { slots });
    await lab.until(() => asked.length > 1);
    // Committed, and pinned, but without a share.
    expect(lab.environments.commits.map(({ kind }) => kind)).toEqual(['begin', 'propose']);
    expect((await lab.traffic.get('slot-waits'))?.rollout).toBeNull();
    ready = true;
    await lab.until(async () => (await lab.traffic.get('slot-waits'))?.rollout != null);
    expect(asked[0]).toEqual({ model: 'slot-waits', version: '2', commit: '2' });
    await lab.order('abort');
    await run;
    await lab.stop();
  });
});

const required = { REDIS_URL: 'redis://127.0.0.1:1', DATABASE_URL: 'postgres://u@127.0.0.1:1/d' };

test.each(['prod', 'Prod-{model}', '{model}/x'])(
  'a name of Applications that cannot be is refused: %s',
  (name) => {
    expect(() => parseEnv(shape, { ...required, ARGOCD_APPLICATION: name })).toThrow('ARGOCD_APPLICATION');
  },
);
