// Unary gRPC calls over plain sockets: a few connections with many streams each, all requests prebuilt, all that is
// sent in one turn of the event loop written at once. Costs a fraction of a general gRPC client.
import { GrpcConnection } from './grpc-connection.mjs';
import { FLAG, FRAME, frame, headerBlock } from './http2.mjs';

const ANSWER_TIMEOUT_MS = 40_000;

/** HEADERS and DATA of one call; the stream's number is patched into it at `streamAt`. */
function grpcRequest({ host, port, path, message, maxFrame = 16_384 }) {
  const block = headerBlock([
    [':method', 'POST'],
    [':scheme', 'http'],
    [':path', path],
    [':authority', `${host}:${port}`],
    ['te', 'trailers'],
    ['content-type', 'application/grpc'],
    ['grpc-timeout', '30S'],
  ]);
  const body = Buffer.concat([Buffer.alloc(5), message]);
  body.writeUInt32BE(message.length, 1);
  const parts = [frame(FRAME.headers, FLAG.endHeaders, 0, block)];
  for (let at = 0; at < body.length; at += maxFrame) {
    const last = at + maxFrame >= body.length;
    parts.push(frame(FRAME.data, last ? FLAG.endStream : 0, 0, body.subarray(at, at + maxFrame)));
  }
  const streamAt = [];
  let length = 0;
  for (const part of parts) {
    streamAt.push(length + 5);
    length += part.length;
  }
  return { bytes: Buffer.concat(parts), streamAt, flow: body.length };
}

export class GrpcClient {
  onSent;
  onAnswer;
  #target;
  #requests;
  #check;
  #connections = [];
  #maxConnections;
  #turn = 0;
  #waiting = [];
  #watch;
  #readBuffer = Buffer.allocUnsafe(256 * 1024);

  /** `workload`: `{path, messages, check(index, message)}` with encoded messages. */
  constructor({ host, port, maxConnections = 4 }, workload) {
    this.#target = { host, port };
    this.#requests = workload.messages.map((message) =>
      grpcRequest({ host, port, path: workload.path, message }),
    );
    this.#check = workload.check;
    this.#maxConnections = maxConnections;
    this.#watch = setInterval(() => this.#timeOut(), 1000);
  }

  get connections() {
    return this.#connections.length;
  }

  /** Takes effect with the next `flush`. */
  send(intended) {
    this.#waiting.push(intended);
  }

  /** Begins what waits, as far as streams and windows allow, evenly over the connections. */
  flush() {
    while (this.#connections.length < this.#maxConnections) this.#connect();
    let begun = 0;
    while (begun < this.#waiting.length) {
      const request = this.#requests[this.#turn];
      const connection = this.#leastBusy(request.flow);
      if (!connection) break;
      connection.begin(request, this.#turn, this.#waiting[begun++]);
      this.#turn = (this.#turn + 1) % this.#requests.length;
    }
    if (begun > 0) {
      const now = performance.now();
      for (let i = 0; i < begun; i++) this.onSent(this.#waiting[i], now);
      this.#waiting.splice(0, begun);
    }
    for (const connection of this.#connections) connection.flush();
  }

  close() {
    clearInterval(this.#watch);
    for (const connection of this.#connections) connection.socket.destroy();
  }

  #leastBusy(flow) {
    let best;
    for (const connection of this.#connections) {
      if (connection.takes(flow) && !(best && best.streams.size <= connection.streams.size))
        best = connection;
    }
    return best;
  }

  #connect() {
    const lost = (code) => {
      const index = this.#connections.indexOf(connection);
      if (index < 0) return;
      this.#connections.splice(index, 1);
      connection.socket.destroy();
      for (const { intended } of connection.streams.values()) this.onAnswer(intended, code);
      if (this.#waiting.length > 0) setTimeout(() => this.flush(), 20);
    };
    const connection = new GrpcConnection(this.#target, this.#readBuffer, {
      check: this.#check,
      answered: (intended, error) => this.onAnswer(intended, error),
      turnOver: () => this.flush(),
      lost,
    });
    this.#connections.push(connection);
  }

  #timeOut() {
    const limit = performance.now() - ANSWER_TIMEOUT_MS;
    for (const connection of this.#connections) {
      for (const { sentAt } of connection.streams.values()) if (sentAt < limit) connection.socket.destroy();
    }
  }
}
