import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ASSIGNED, ENDED, EPOCH, ERRORS, LATENCY } from '../sources/samples.ts';

/** A series and its value now: what a gateway exports. */
export interface Series {
  name: string;
  labels: Record<string, string>;
  value: number;
}

export interface Side {
  variant: string;
  version?: string;
  half?: string;
  assigned: number;
  errors?: Record<string, number>;
  /** By upper bound. */
  latency: Record<string, number>;
}

/** All series of one side of a rollout on one gateway. */
export function seriesOf(
  rollout: string,
  { variant, version = '1', half = 'a', assigned, errors = {}, latency }: Side,
): Series[] {
  // prettier-ignore
  const labels = { model: 'm', rollout, variant, half, priority: 'standard', pool: 'cpu' };
  const counted = { ...labels, version };
  return [
    { name: ASSIGNED, labels, value: assigned },
    { name: ENDED, labels: counted, value: latency['+Inf'] ?? 0 },
    ...Object.entries(errors).map(([type, value]) => ({ name: ERRORS, labels: { ...counted, error_type: type }, value })), // prettier-ignore
    ...Object.entries(latency).map(([le, value]) => ({ name: LATENCY, labels: { ...counted, le }, value })),
  ];
}

export const epochSeries = (value: number): Series => ({ name: EPOCH, labels: { model: 'm' }, value });

/** The page of one gateway, in the OpenMetrics format. */
export function pageOf(series: readonly Series[]): string {
  const lines = series.map(({ name, labels, value }) => {
    const pairs = Object.entries(labels).map(([key, text]) => `${key}="${text.replaceAll('"', '\\"')}"`);
    return `${name}{${pairs.join(',')},service="gateway"} ${value}`;
  });
  return ['# TYPE other counter', 'other_total 1', ...lines, '# EOF', ''].join('\n');
}

export interface TestServer {
  port: number;
  /** The answer to every request; undefined: there is none, ever. */
  answer: ((url: URL) => { status?: number; body: string } | undefined) | undefined;
  stop(): Promise<void>;
}

export async function serve(answer: TestServer['answer']): Promise<TestServer> {
  const server: Server = createServer((request, response) => {
    const given = test.answer?.(new URL(request.url ?? '/', 'http://test'));
    if (given) response.writeHead(given.status ?? 200).end(given.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const test: TestServer = {
    port: (server.address() as AddressInfo).port,
    answer,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return test;
}
