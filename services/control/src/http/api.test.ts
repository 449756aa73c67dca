import { ROLES, type Role } from '@frontier/contracts/registry';
import { startControl, type Harness } from '../testing/harness.ts';

interface Operation {
  'x-role': Role;
  parameters: { name: string; in: string }[];
  requestBody?: unknown;
}

interface Description {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
}

let control: Harness;
let keys: Record<Role, string>;
let description: Description;

beforeAll(async () => {
  control = await startControl();
  const made = await Promise.all(
    ROLES.map(async (role) => [role, await control.key(`the-${role}`, role)] as const),
  );
  keys = Object.fromEntries(made) as Record<Role, string>;
  description = (await (await fetch(`${control.url}/openapi.json`)).json()) as Description;
}, 60_000);
afterAll(() => control.stop());

/** What the parameters of paths are filled with: nothing of it exists. */
const FILLED: Record<string, string> = {
  model: 'nobody',
  version: '1',
  gate: 'G0',
  id: '0123456789abcdef',
  digest: `sha256:${'0'.repeat(64)}`,
};

function operations(): { method: string; path: string; operation: Operation }[] {
  return Object.entries(description.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path: path.replaceAll(/\{(\w+)\}/g, (_, name: string) => FILLED[name] as string),
      operation,
    })),
  );
}

test('it describes itself', () => {
  expect(description.openapi).toBe('3.1.0');
  expect(Object.keys(description.paths)).toEqual(
    expect.arrayContaining(['/admin/versions', '/admin/rollouts/{id}/promote', '/admin/keys']),
  );
  for (const { operation, path } of operations()) {
    expect(ROLES).toContain(operation['x-role']);
    expect(path).not.toContain('undefined');
  }
  const body = description.paths['/admin/versions']?.['post']?.requestBody;
  expect(body).toMatchObject({
    content: {
      'application/json': { schema: { required: expect.arrayContaining(['model', 'digest', 'why']) } },
    },
  });
});

test('each route takes its role and those above it, and nobody else', async () => {
  expect(operations().length).toBeGreaterThan(25);
  for (const { method, path, operation } of operations()) {
    const body = operation.requestBody === undefined ? undefined : {};
    const needed = ROLES.indexOf(operation['x-role']);
    for (const [i, role] of ROLES.entries()) {
      const { status, body: answer } = await control.call(keys[role], method, path, body);
      const where = `${role} ${method} ${path}: ${status} ${answer.error?.message}`;
      if (i < needed) expect([where, status, answer.error?.details['reason']]).toEqual([where, 403, 'role']);
      else expect([where, [200, 400, 404].includes(status)]).toEqual([where, true]);
    }
    for (const key of [undefined, 'frn_dev_x', keys.admin.slice(0, -1)]) {
      expect([method, path, (await control.call(key, method, path, body)).status]).toEqual([
        method,
        path,
        401,
      ]);
    }
  }
});

test('every change says why', async () => {
  for (const { method, path } of operations().filter(({ method }) => method === 'POST')) {
    const { status, body } = await control.call(keys.admin, method, path, { why: ' ' });
    expect([path, status]).toEqual([path, 400]);
    const problems = body.error?.details['problems'] as { field: string }[];
    expect(problems.map(({ field }) => field)).toContain('why');
  }
});

describe('answers', () => {
  test('have an envelope, a request id and security headers', async () => {
    const { status, headers, body } = await control.call(keys.viewer, 'GET', '/admin/versions', undefined, {
      'x-request-id': 'mine-1',
    });
    expect(status).toBe(200);
    expect(body).toMatchObject({ success: true, data: [], error: null, request_id: 'mine-1' });
    expect(Object.fromEntries(headers)).toMatchObject({
      'x-request-id': 'mine-1',
      'x-frame-options': 'DENY',
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
      'content-security-policy': expect.stringContaining("default-src 'none'"),
    });
    expect(headers.get('x-powered-by')).toBeNull();
    const odd = await control.call(keys.viewer, 'GET', '/admin/versions', undefined, {
      'x-request-id': 'a b',
    });
    expect(odd.body.request_id).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('say who is asked for a key', async () => {
    const { status, headers, body } = await control.call(undefined, 'GET', '/admin/versions');
    expect([status, headers.get('www-authenticate'), body.error?.code]).toEqual([
      401,
      'Bearer',
      'UNAUTHORIZED',
    ]);
  });

  test('are counted by route', async () => {
    await control.call(keys.viewer, 'GET', '/admin/rollouts/nobody');
    const metrics = await control.registry.metrics();
    expect(metrics).toMatch(
      /control_requests_total\{route="\/admin\/rollouts\/\{id\}",method="GET",code="404"\} \d/,
    );
    expect(metrics).not.toContain('nobody');
  });
});

describe('bad input', () => {
  test.each<[string, string, unknown, Record<string, string>, number]>([
    ['not JSON', '/admin/versions', '{"model":', {}, 400],
    ['a JSON text', '/admin/versions', '"model"', {}, 400],
    ['an array', '/admin/versions', [], {}, 400],
    [
      'another type',
      '/admin/versions',
      'model=a',
      { 'content-type': 'application/x-www-form-urlencoded' },
      400,
    ],
    ['an unknown encoding', '/admin/versions', '{}', { 'content-encoding': 'zstd' }, 400],
    ['an unknown field', '/admin/keys', { name: 'x', role: 'viewer', why: 'because', admin: true }, {}, 400],
    ['no such role', '/admin/keys', { name: 'x', role: 'root', why: 'because' }, {}, 400],
    ['a name with a blank', '/admin/keys', { name: 'a b', role: 'viewer', why: 'because' }, {}, 400],
    ['a large body', '/admin/versions', { card: 'x'.repeat(2_000_000) }, {}, 413],
    ['a bad parameter', '/admin/versions/A%20B/1/move', { to: 'staging', why: 'because' }, {}, 400],
    ['a path that is not encoded', '/admin/versions/%ff/1/move', { to: 'staging', why: 'because' }, {}, 400],
    ['no such gate', '/admin/versions/m/1/gates/G9', { verdict: 'pass', why: 'because' }, {}, 400],
    ['no such route', '/admin/nothing', {}, {}, 404],
  ])('%s', async (_, path, body, headers, expected) => {
    const { status, body: answer } = await control.call(keys.admin, 'POST', path, body, headers);
    expect([status, answer.success, answer.data]).toEqual([expected, false, null]);
    expect(answer.error?.message).not.toBe('internal error');
  });

  test.each(['limit=0', 'limit=501', 'limit=x', 'limit=1&limit=2', 'cursor=nonsense', 'state=odd', 'odd=1'])(
    '?%s',
    async (query) => {
      expect((await control.call(keys.viewer, 'GET', `/admin/versions?${query}`)).status).toBe(400);
    },
  );
});
