// Open-loop calls of text-direction over gRPC, evenly over the gateways: one in twenty has an image that is all white.
import { GrpcClient } from '../bench/grpc-client.mjs';
import { directionWorkload } from '../bench/inputs.mjs';
import { exponential, random } from '../bench/random.mjs';
import { inferRequest } from '../bench/protobuf.mjs';
import { MODEL } from './versions.mjs';

const WHITE_EVERY = 20;
const TICK_MS = 2;

/** Requests as a gateway takes them, encoded; `version` for those who ask for one. */
async function messages() {
  const { items } = await directionWorkload();
  return Array.from({ length: 60 }, (_, i) => {
    const [image] = items[i % items.length].inputs;
    const white = i % WHITE_EVERY === WHITE_EVERY - 1;
    const inputs = [white ? { ...image, data: Buffer.alloc(image.data.length, 255) } : image];
    return inferRequest({ model: MODEL, inputs });
  });
}

export class Load {
  answered = 0;
  failed = 0;
  #clients = [];
  #timer;
  #next = random(20261121);

  /** `rate` calls a second in all, to these ports of a host. */
  async start(ports, rate, host = '127.0.0.1') {
    const workload = {
      path: '/inference.v1.InferenceService/Infer',
      messages: await messages(),
      check: () => true,
    };
    this.#clients = ports.map((port) => new GrpcClient({ host, port }, workload));
    for (const client of this.#clients) {
      client.onSent = () => {};
      client.onAnswer = (_intended, error) => {
        this.answered += 1;
        if (error) this.failed += 1;
      };
    }
    let at = performance.now();
    let turn = 0;
    this.#timer = setInterval(() => {
      for (; at <= performance.now(); at += exponential(this.#next, 1_000 / rate)) {
        turn += 1;
        this.#clients[turn % this.#clients.length].send(at);
      }
      for (const client of this.#clients) client.flush();
    }, TICK_MS);
  }

  stop() {
    clearInterval(this.#timer);
    for (const client of this.#clients) client.close();
  }
}
