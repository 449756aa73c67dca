// HTTP/1.1 over plain sockets, for little more than the system calls: keep-alive, one request in flight a connection,
// prebuilt requests, a parser that reads only what it needs (status, length or chunks) and hands the body to a check.
import net from 'node:net';

const ANSWER_TIMEOUT_MS = 40_000;
const HEAD_END = Buffer.from('\r\n\r\n');
const CRLF = Buffer.from('\r\n');

/** `POST path` with a JSON body, ready to write. */
function httpRequest({ host, port, path, body }) {
  const bytes = Buffer.from(body);
  const head =
    `POST ${path} HTTP/1.1\r\nHost: ${host}:${port}\r\nContent-Type: application/json\r\n` +
    `Content-Length: ${bytes.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), bytes]);
}

export class HttpClient {
  onSent;
  onAnswer;
  #target;
  #requests;
  #check;
  #free = [];
  #all = new Set();
  #waiting = [];
  #maxConnections;
  #turn = 0;
  #watch;
  // All connections read into the same memory: an answer is parsed before the next read.
  #readBuffer = Buffer.allocUnsafe(256 * 1024);

  /** `workload`: `{path, bodies, check(index, body)}`; `check` says whether the answer to that body is right. */
  constructor({ host, port, maxConnections = 1024 }, workload) {
    this.#target = { host, port };
    this.#requests = workload.bodies.map((body) => httpRequest({ host, port, path: workload.path, body }));
    this.#check = workload.check;
    this.#maxConnections = maxConnections;
    this.#watch = setInterval(() => this.#timeOut(), 1000);
  }

  get connections() {
    return this.#all.size;
  }

  send(intended) {
    const connection =
      this.#free.pop() ?? (this.#all.size < this.#maxConnections ? this.#connect() : undefined);
    if (connection) this.#write(connection, intended);
    else this.#waiting.push(intended);
  }

  flush() {}

  close() {
    clearInterval(this.#watch);
    for (const connection of this.#all) connection.socket.destroy();
  }

  #connect() {
    const connection = { socket: undefined, intended: NaN, sentAt: 0, index: 0, partial: undefined, need: 0 };
    connection.socket = net.connect({
      ...this.#target,
      noDelay: true,
      onread: {
        buffer: this.#readBuffer,
        callback: (length, buffer) => {
          this.#read(connection, buffer.subarray(0, length));
          return true;
        },
      },
    });
    connection.socket.on('error', (error) => this.#lost(connection, error.code ?? error.message));
    connection.socket.on('close', () => this.#lost(connection, 'CLOSED'));
    this.#all.add(connection);
    return connection;
  }

  #write(connection, intended) {
    connection.intended = intended;
    connection.index = this.#turn;
    connection.sentAt = performance.now();
    this.#turn = (this.#turn + 1) % this.#requests.length;
    this.onSent(intended, connection.sentAt);
    connection.socket.write(this.#requests[connection.index]);
  }

  #read(connection, chunk) {
    let bytes = chunk;
    if (connection.partial) {
      bytes = Buffer.concat([connection.partial, chunk]);
      connection.partial = undefined;
    }
    const answer = bytes.length < connection.need ? connection.need : parseAnswer(bytes);
    if (typeof answer === 'number') {
      connection.need = answer;
      // The chunk lies in the shared read buffer, a concatenation does not.
      connection.partial = bytes === chunk ? Buffer.from(bytes) : bytes;
      return;
    }
    connection.need = 0;
    const { intended, index } = connection;
    connection.intended = NaN;
    let error;
    if (answer.status !== 200) error = `HTTP_${answer.status}`;
    else if (!this.#check(index, answer.body)) error = 'WRONG_ANSWER';
    if (this.#waiting.length > 0) this.#write(connection, this.#waiting.shift());
    else this.#free.push(connection);
    this.onAnswer(intended, error);
  }

  #lost(connection, code) {
    if (!this.#all.delete(connection)) return;
    connection.socket.destroy();
    this.#free = this.#free.filter((c) => c !== connection);
    if (!Number.isNaN(connection.intended)) this.onAnswer(connection.intended, code);
    if (this.#waiting.length > 0) this.send(this.#waiting.shift());
  }

  #timeOut() {
    const limit = performance.now() - ANSWER_TIMEOUT_MS;
    for (const connection of this.#all) {
      if (!Number.isNaN(connection.intended) && connection.sentAt < limit)
        this.#lost(connection, 'NO_ANSWER');
    }
  }
}

/**
 * One whole answer as `{status, body}`; else the number of bytes that it has in all, as far as is known (1: unknown).
 * Bytes behind the answer are ignored: nothing was asked for.
 */
function parseAnswer(bytes) {
  const headEnd = bytes.indexOf(HEAD_END);
  if (headEnd < 0) return 1;
  const status = (bytes[9] - 48) * 100 + (bytes[10] - 48) * 10 + (bytes[11] - 48);
  const bodyAt = headEnd + 4;
  // Every header line starts behind a line feed; the first letter and the length of the name rule nearly all out.
  for (let at = bytes.indexOf(10) + 1; at < headEnd; at = bytes.indexOf(10, at) + 1) {
    const first = bytes[at] | 32;
    if (first === 99 && bytes[at + 14] === 58 && nameIs(bytes, at, 'content-length')) {
      let length = 0;
      for (let i = at + 15; bytes[i] !== 13; i++) if (bytes[i] !== 32) length = length * 10 + bytes[i] - 48;
      const end = bodyAt + length;
      return bytes.length < end ? end : { status, body: bytes.subarray(bodyAt, end) };
    }
    if (first === 116 && bytes[at + 17] === 58 && nameIs(bytes, at, 'transfer-encoding')) {
      const body = joinChunks(bytes, bodyAt);
      return body ? { status, body } : 1;
    }
  }
  return { status, body: bytes.subarray(bodyAt, bodyAt) };
}

function nameIs(bytes, at, name) {
  return bytes.latin1Slice(at, at + name.length).toLowerCase() === name;
}

/** The body of a chunked answer, or undefined while its end is missing. */
function joinChunks(bytes, from) {
  const parts = [];
  for (let at = from; ;) {
    const lineEnd = bytes.indexOf(CRLF, at);
    if (lineEnd < 0) return undefined;
    const size = parseInt(bytes.latin1Slice(at, lineEnd), 16);
    const start = lineEnd + 2;
    if (bytes.length < start + size + 2) return undefined;
    if (size === 0) return Buffer.concat(parts);
    parts.push(bytes.subarray(start, start + size));
    at = start + size + 2;
  }
}
