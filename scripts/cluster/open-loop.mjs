// Calls at a fixed rate, whatever has become of those before them, as ordinary HTTP clients make them: connections are
// kept, and given up when the gateway asks for it.
import http from 'node:http';
import { sleep } from '../lib/run.mjs';

const TIMEOUT_MS = 15_000;

/** An HTTP client of one gateway address. */
export class HttpClient {
  #url;
  #agent = new http.Agent({ keepAlive: true, maxSockets: 50 });

  constructor(url) {
    this.#url = url;
  }

  /** `{status, headers, body}`, `body` as the envelope's JSON. Rejects when the connection fails; nothing is repeated. */
  call(method, path, body) {
    const text = body === undefined ? '' : JSON.stringify(body);
    const headers = text
      ? { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }
      : {};
    return new Promise((resolve, reject) => {
      const options = { method, headers, agent: this.#agent, timeout: TIMEOUT_MS };
      const request = http.request(new URL(path, this.#url), options, (response) => {
        const chunks = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const { statusCode: status, headers: given } = response;
          try {
            resolve({ status, headers: given, body: JSON.parse(Buffer.concat(chunks).toString()) });
          } catch {
            reject(new Error(`${status} with a body that is no JSON`));
          }
        });
      });
      request.on('timeout', () => request.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)));
      // A kept connection that ends as a call is sent is HTTP's own race; a new one is not.
      request.on('error', (error) => reject(request.reusedSocket ? new Error(`${error.code ?? error.message} on a kept connection`) : error)); // prettier-ignore
      request.end(text);
    });
  }

  close() {
    this.#agent.destroy();
  }
}

const ONES = [Array.from({ length: 16 }, () => 1)];

/** A call of the model `simple` that no other call has, and whether an answer is right. */
export function sumCall(n) {
  const row = Array.from({ length: 16 }, (_, i) => (n * 31 + i) % 100_000);
  return {
    body: { model: 'simple', inputs: { INPUT0: [row], INPUT1: ONES } },
    isRight: (outputs) => outputs?.OUTPUT0?.[0]?.every((value, i) => value === row[i] + 1) === true,
  };
}

/** `perSecond` inferences until `stop`; keeps when each began and what was wrong with it. */
export class OpenLoop {
  /** `{at, ms, fault}` of each call that has ended, `at` by `performance.now()`. */
  ended = [];
  #client;
  #perSecond;
  #running = new Set();
  #loop;
  #stopped = false;

  constructor({ gatewayUrl, perSecond = 50 }) {
    this.#client = new HttpClient(gatewayUrl);
    this.#perSecond = perSecond;
  }

  start() {
    this.#loop = this.#run();
    return this;
  }

  /** Resolves when what is under way has ended. */
  async stop() {
    this.#stopped = true;
    await this.#loop;
    await Promise.all(this.#running);
    this.#client.close();
  }

  /** Of the calls that began from `from` on: how many, their faults, the 99th percentile of their times. */
  since(from) {
    const calls = this.ended.filter(({ at }) => at >= from);
    const times = calls.map(({ ms }) => ms).sort((a, b) => a - b);
    const faults = calls.flatMap(({ fault }) => fault ?? []);
    return { calls: calls.length, faults, p99: Math.round(times[Math.floor(times.length * 0.99)] ?? 0) };
  }

  async #run() {
    const from = performance.now();
    for (let n = 0; !this.#stopped; n += 1) {
      const wait = from + (n * 1_000) / this.#perSecond - performance.now();
      if (wait > 0) await sleep(wait);
      const call = this.#infer(n).finally(() => this.#running.delete(call));
      this.#running.add(call);
    }
  }

  async #infer(n) {
    const at = performance.now();
    const { body, isRight } = sumCall(n);
    const fault = await this.#client.call('POST', '/v1/infer', body).then(
      ({ status, body: answer }) => {
        if (status !== 200) return `${status} ${answer.error?.code}: ${answer.error?.message}`;
        return isRight(answer.data?.outputs)
          ? undefined
          : `wrong answer ${JSON.stringify(answer.data).slice(0, 200)}`;
      },
      (error) => error.code ?? error.message,
    );
    this.ended.push({ at, ms: performance.now() - at, fault });
  }
}
