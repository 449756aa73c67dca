// A reader of server-sent events that goes on elsewhere when its stream breaks off, from the last event that it has.
import { createParser } from './sse.mjs';
import http from 'node:http';
import { sleep } from '../lib/run.mjs';

const PATIENCE_MS = 60_000;
const RETRY_MS = 100;

export class StreamCall {
  text = '';
  id;
  /** The `done` event's data. */
  done;
  /** Streams that ended without saying so, and those that ended with the advice to resume. */
  breaks = 0;
  resumes = 0;
  faults = [];
  #options;
  #lastEventId;

  /** `{gateways, prompt, seed, tokens, key, random}`: `key` makes the first call repeatable. */
  constructor(options) {
    this.#options = { random: Math.random, ...options };
  }

  /** Resolves when the whole text is there, or something went wrong for good (`faults`). `port`: the first gateway. */
  async run(port) {
    const end = performance.now() + PATIENCE_MS;
    for (let first = port; !this.done && this.faults.length === 0; first = undefined) {
      if (performance.now() > end) this.faults.push('the stream was never whole');
      else if (!(await this.#read(first ?? this.#anyGateway()))) await sleep(RETRY_MS);
    }
  }

  #anyGateway() {
    const ports = this.#options.gateways();
    return ports[Math.floor(this.#options.random() * ports.length)];
  }

  /** One connection until its end. False: it broke, or there is nobody. */
  #read(port) {
    return new Promise((resolve) => {
      let ended = false;
      const finish = (well) => {
        if (ended) return;
        ended = true;
        resolve(well);
      };
      const request = http.request({ host: '127.0.0.1', port, ...this.#request() }, (response) => {
        if (response.statusCode !== 200) {
          response.resume();
          // Refused: to be tried again. Anything else says that the stream is lost.
          if (response.statusCode !== 503 && response.statusCode !== 429)
            this.faults.push(`status ${response.statusCode}`);
          return finish(false);
        }
        this.id ??= response.headers['x-inference-id'];
        let orderly = false;
        const parse = createParser((event) => {
          orderly ||= this.#take(event);
        });
        response.setEncoding('utf8').on('data', parse);
        response.on('close', () => {
          if (!orderly) this.breaks += 1;
          finish(orderly);
        });
        response.on('error', () => {});
      });
      request.on('error', () => finish(false));
      request.end(this.id === undefined ? this.#body() : undefined);
    });
  }

  #request() {
    const resume = this.#lastEventId === undefined ? {} : { 'last-event-id': this.#lastEventId };
    if (this.id !== undefined)
      return { method: 'GET', path: `/v1/infer/stream?id=${this.id}`, headers: resume };
    const { key } = this.#options;
    const headers = { 'content-type': 'application/json', ...(key && { 'idempotency-key': key }) };
    return { method: 'POST', path: '/v1/infer/stream', headers };
  }

  #body() {
    const { prompt, seed, tokens, priority = 'standard' } = this.#options;
    return JSON.stringify({
      model: 'tiny-gpt',
      prompt,
      priority,
      params: { seed, max_new_tokens: tokens, temperature: 0.8 },
    });
  }

  /** True for an event that ends the stream in order. */
  #take({ event, data, id }) {
    if (id !== undefined) this.#lastEventId = id;
    if (event === 'token') this.text += data.text;
    else if (event === 'done') this.done = data;
    else if (event === 'resume') this.resumes += 1;
    else if (event === 'error') this.faults.push(`error ${data.code}: ${data.message}`);
    return event !== 'token';
  }
}
