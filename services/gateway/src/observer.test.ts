import { Writable } from 'node:stream';
import { AppError } from '@frontier/contracts/errors';
import { createLogger } from '@frontier/kit/logger';
import { Registry } from 'prom-client';
import { gatewayMetrics } from './metrics.ts';
import { Observer, type ObserverConfig } from './observer.ts';

function observe(
  accessLog: ObserverConfig['accessLog'],
  use: (observer: Observer) => void,
): Array<Record<string, unknown>> {
  const lines: Array<Record<string, unknown>> = [];
  const stream = new Writable({
    write(line: Buffer, _encoding, done) {
      lines.push(JSON.parse(line.toString()) as Record<string, unknown>);
      done();
    },
  });
  const log = createLogger({ service: 'gateway', level: 'info', stream });
  use(new Observer(gatewayMetrics(new Registry()), log, { accessLog, slowRequestMs: 100 }));
  return lines;
}

const http = { route: '/v1/infer', method: 'POST', requestId: 'r1' };
const grpc = { method: 'Infer', requestId: 'r2' };

describe('Observer', () => {
  it('logs what failed on our side, and what was slow', () => {
    const lines = observe('errors', (observer) => {
      observer.http(http, 200, 5);
      observer.http(http, 400, 5, new AppError('INVALID_INPUT', 'wrong'));
      observer.http(
        http,
        500,
        5,
        new AppError('INTERNAL_ERROR', 'internal error', { cause: new Error('inside') }),
      );
      observer.http(http, 200, 101);
      observer.http({ ...http, route: '/v1/infer/stream' }, 200, 60_000);
      observer.grpc(grpc, 3, 5);
      observer.grpc(grpc, 14, 5, new AppError('UNAVAILABLE', 'away'));
      observer.grpc({ ...grpc, method: 'StreamInfer' }, 0, 60_000);
    });
    expect(lines).toMatchObject([
      {
        level: 'warn',
        transport: 'http',
        status: 500,
        error: 'INTERNAL_ERROR',
        requestId: 'r1',
        err: { message: 'inside' },
      },
      { level: 'info', status: 200, ms: 101 },
      { level: 'warn', transport: 'grpc', code: 14, error: 'UNAVAILABLE', requestId: 'r2' },
    ]);
  });

  it('logs all where it is told to', () => {
    expect(observe('all', (observer) => observer.http({ ...http, variant: 'canary' }, 200, 1))).toMatchObject(
      [{ level: 'info', msg: 'request', variant: 'canary' }],
    );
  });
});
