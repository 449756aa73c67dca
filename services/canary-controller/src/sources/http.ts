import { MetricsFault } from '@frontier/contracts/rollout';

/**
 * The text of an answer of at most `limit` bytes. Throws MetricsFault `unreachable` when there is none within
 * `timeoutMs` or its status is no success, `malformed` when it is longer.
 */
export async function getText(
  url: URL,
  { signal, timeoutMs, limit }: { signal: AbortSignal; timeoutMs: number; limit: number },
): Promise<string> {
  try {
    const both = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    const response = await fetch(url, { signal: both, redirect: 'error' });
    const text = await readAtMost(response, limit);
    if (response.ok) return text;
    throw new MetricsFault('unreachable', `${url.host} answers ${response.status}: ${text.slice(0, 200)}`);
  } catch (error) {
    if (error instanceof MetricsFault) throw error;
    throw new MetricsFault('unreachable', `no answer from ${url.host}`, { cause: error });
  }
}

async function readAtMost(response: Response, limit: number): Promise<string> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of response.body ?? []) {
    length += part.byteLength;
    if (length > limit) throw new MetricsFault('malformed', `an answer of more than ${limit} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}
