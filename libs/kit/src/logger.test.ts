import { createLogger } from './logger.ts';

function capture() {
  const lines: string[] = [];
  const log = createLogger({ service: 'test', level: 'info', stream: { write: (line) => lines.push(line) } });
  return { log, lines };
}

test('one JSON line an event: constant message, facts as fields', () => {
  const { log, lines } = capture();
  log.debug('not logged');
  log.info({ port: 8080 }, 'listening');
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0] ?? '')).toEqual({
    level: 'info',
    time: expect.stringMatching(/^\d{4}-.*Z$/),
    service: 'test',
    port: 8080,
    msg: 'listening',
  });
});

test('secrets are hidden wherever they are', () => {
  const { log, lines } = capture();
  log.info({ prompt: 'S3CRET', idempotencyKey: 'S3CRET', request: { prompt: 'S3CRET' } }, 'fields');
  log.info({ headers: { authorization: 'S3CRET', 'idempotency-key': 'S3CRET', host: 'kept' } }, 'headers');
  log.info({ req: { headers: { 'x-api-key': 'S3CRET' } } }, 'nested headers');
  log.error({ err: new Error('connect redis://user:S3CRET@host:6379/0 failed') }, 'failed');
  log.error({ err: new Error('got "Bearer S3CRET" and frn_live_S3CRET_S3CRET') }, 'failed');
  expect(lines).toHaveLength(5);
  for (const line of lines) {
    expect(line).not.toContain('S3CRET');
    JSON.parse(line);
  }
  expect(lines[1]).toContain('kept');
  expect(lines[3]).toContain('redis://user:[redacted]@host:6379/0');
});

test('an ordinary line is left as it is', () => {
  const { log, lines } = capture();
  log.info({ url: 'http://host:8080/v1/infer', mail: 'a@b' }, 'called');
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ url: 'http://host:8080/v1/infer', mail: 'a@b' });
});
