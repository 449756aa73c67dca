import { connect } from 'node:net';
import type { Harness } from './harness.ts';

export interface Refusal {
  code: string;
  message: string;
  details: Record<string, unknown>;
}

/** An inference over HTTP; `body` as JSON unless it is text or bytes already. */
export function post(
  gateway: Harness,
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
  signal?: AbortSignal,
): Promise<Response> {
  const bytes = typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body);
  return fetch(gateway.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: bytes as NonNullable<RequestInit['body']>,
    signal: signal ?? null,
  });
}

/** The error of a refusal, which must be an envelope with this status. */
export async function refusalOf(response: Response, status: number): Promise<Refusal> {
  const body = (await response.json()) as {
    success: boolean;
    data: null;
    error: Refusal;
    request_id: string;
  };
  const { success, data } = body;
  expect({ status: response.status, success, data }).toEqual({ status, success: false, data: null });
  expect(body.request_id).toBe(response.headers.get('x-request-id'));
  return body.error;
}

/** Sends bytes as they are, pausing between the parts, and gives all that comes back. */
export async function raw(gateway: Harness, parts: string[], pauseMs: number): Promise<string> {
  const socket = connect(gateway.gateway.ports.http, '127.0.0.1');
  socket.on('error', () => {});
  let answer = '';
  socket.on('data', (data) => (answer += data.toString()));
  const closed = new Promise((resolve) => socket.on('close', resolve));
  for (const part of parts) {
    socket.write(part);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  await closed;
  return answer;
}

export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}
