// As much of an HTTP client as the experiments need: keep-alive, deadlines, and errors that say what is known.
import http from 'node:http';

const MAX_SOCKETS = 1_000;

export class HttpClient {
  #agent = new http.Agent({ keepAlive: true, maxSockets: MAX_SOCKETS, scheduling: 'lifo' });

  /**
   * Resolves to `{status, headers, json, tookMs}`; rejects when there is no whole answer within `timeoutMs`, with
   * `notSent` where the server cannot have seen the request.
   */
  call(port, { method = 'GET', path, headers = {}, body, timeoutMs = 10_000, signal }) {
    return new Promise((resolve, reject) => {
      const startedAt = performance.now();
      const length = body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }; // prettier-ignore
      const options = {
        host: '127.0.0.1',
        port,
        method,
        path,
        headers: { ...length, ...headers },
        agent: this.#agent,
      };
      const request = http.request({ ...options, signal }, (response) => {
        const chunks = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('error', fail);
        response.on('end', () => {
          clearTimeout(timer);
          if (!response.complete) return fail(new Error('the answer was cut'));
          const tookMs = performance.now() - startedAt;
          resolve({ status: response.statusCode, headers: response.headers, json: parsed(chunks), tookMs });
        });
      });
      const fail = (error) => {
        clearTimeout(timer);
        error.notSent = error.code === 'ECONNREFUSED';
        reject(error);
      };
      const timer = setTimeout(
        () => request.destroy(new Error(`no answer within ${timeoutMs} ms`)),
        timeoutMs,
      );
      request.on('error', fail);
      request.end(body);
    });
  }

  close() {
    this.#agent.destroy();
  }
}

function parsed(chunks) {
  try {
    return JSON.parse(Buffer.concat(chunks).toString());
  } catch {
    return {};
  }
}
