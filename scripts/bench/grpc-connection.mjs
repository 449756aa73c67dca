import net from 'node:net';
import { FLAG, FRAME, PREFACE, SETTING, frame, readHeaders, settingsFrame, windowFrame } from './http2.mjs';

const RECEIVE_WINDOW = 1 << 30;

/**
 * One HTTP/2 connection of the gRPC generator. `events`: `check(index, message)` says whether an answer is right,
 * `answered(intended, error)`, `turnOver()` after each read, `lost(code)`.
 */
export class GrpcConnection {
  socket;
  /** Stream id → call under way. */
  streams = new Map();
  #events;
  #out = [];
  #outLength = PREFACE.length;
  #nextStream = 1;
  #maxStreams = 100;
  #sendWindow = 65_535;
  #received = 0;
  #partial;
  #closing = false;

  constructor(target, buffer, events) {
    this.#events = events;
    const read = (length) => {
      this.#read(buffer.subarray(0, length));
      return true;
    };
    this.socket = net.connect({ ...target, noDelay: true, onread: { buffer, callback: read } });
    this.socket.on('error', (error) => events.lost(error.code ?? error.message));
    this.socket.on('close', () => events.lost('CLOSED'));
    this.#out.push({ bytes: PREFACE });
    this.#put(settingsFrame([[SETTING.tableSize, 0], [SETTING.push, 0], [SETTING.initialWindow, 1 << 20]])); // prettier-ignore
    this.#put(windowFrame(0, RECEIVE_WINDOW));
  }

  takes(flow) {
    return !this.#closing && this.streams.size < this.#maxStreams && this.#sendWindow >= flow;
  }

  begin(request, index, intended) {
    const id = this.#nextStream;
    this.#nextStream += 2;
    this.#sendWindow -= request.flow;
    this.streams.set(id, { intended, index, sentAt: performance.now(), right: undefined, parts: undefined });
    this.#out.push({ bytes: request.bytes, streamAt: request.streamAt, id });
    this.#outLength += request.bytes.length;
  }

  flush() {
    if (this.#out.length === 0) return;
    const all = Buffer.allocUnsafe(this.#outLength);
    let at = 0;
    for (const { bytes, streamAt, id } of this.#out) {
      bytes.copy(all, at);
      if (streamAt) for (const offset of streamAt) all.writeUInt32BE(id, at + offset);
      at += bytes.length;
    }
    this.#out = [];
    this.#outLength = 0;
    this.socket.write(all);
  }

  #put(bytes) {
    this.#out.push({ bytes });
    this.#outLength += bytes.length;
  }

  #read(chunk) {
    let bytes = this.#partial ? Buffer.concat([this.#partial, chunk]) : chunk;
    this.#partial = undefined;
    while (bytes.length >= 9) {
      const end = 9 + bytes.readUIntBE(0, 3);
      if (bytes.length < end) break;
      this.#frame(bytes[3], bytes[4], bytes.readUInt32BE(5) & 0x7fffffff, bytes.subarray(9, end));
      bytes = bytes.subarray(end);
    }
    if (bytes.length > 0) this.#partial = Buffer.from(bytes);
    this.#events.turnOver();
  }

  #frame(type, flags, id, payload) {
    if (type === FRAME.data) this.#data(id, flags, payload);
    else if (type === FRAME.headers) this.#headers(id, flags, payload);
    else if (type === FRAME.window) {
      // Messages are smaller than a stream's window, which is therefore not counted.
      if (id === 0) this.#sendWindow += payload.readUInt32BE(0);
    } else if (type === FRAME.reset) this.#finish(id, `RESET_${payload.readUInt32BE(0)}`);
    else if (type === FRAME.goaway) this.#goAway();
    else if (type === FRAME.ping && !(flags & FLAG.ack)) this.#put(frame(FRAME.ping, FLAG.ack, 0, payload));
    else if (type === FRAME.settings && !(flags & FLAG.ack)) this.#settings(payload);
    else if (type === FRAME.continuation) this.socket.destroy(new Error('CONTINUATION is not supported'));
  }

  #settings(payload) {
    for (let at = 0; at < payload.length; at += 6) {
      const value = payload.readUInt32BE(at + 2);
      if (payload.readUInt16BE(at) === SETTING.maxStreams) this.#maxStreams = Math.min(value, 100);
    }
    this.#put(frame(FRAME.settings, FLAG.ack, 0));
  }

  #goAway() {
    this.#closing = true;
    if (this.streams.size === 0) this.socket.destroy();
  }

  #data(id, flags, payload) {
    this.#received += payload.length;
    if (this.#received > RECEIVE_WINDOW / 2) {
      this.#put(windowFrame(0, this.#received));
      this.#received = 0;
    }
    const call = this.streams.get(id);
    if (!call) return;
    let bytes = flags & FLAG.padded ? payload.subarray(1, payload.length - payload[0]) : payload;
    if (call.parts) bytes = Buffer.concat([call.parts, bytes]);
    const whole = bytes.length >= 5 && bytes.length >= 5 + bytes.readUInt32BE(1);
    if (whole) call.right = this.#events.check(call.index, bytes.subarray(5));
    else call.parts = Buffer.from(bytes);
  }

  #headers(id, flags, payload) {
    if (!(flags & FLAG.endStream)) return;
    let block = payload;
    if (flags & FLAG.padded) block = block.subarray(1, block.length - block[0]);
    if (flags & FLAG.priority) block = block.subarray(5);
    this.#finish(id, statusOf(block), this.streams.get(id)?.right);
  }

  #finish(id, error, right) {
    const call = this.streams.get(id);
    if (!call) return;
    this.streams.delete(id);
    this.#events.answered(call.intended, error ?? (right ? undefined : 'WRONG_ANSWER'));
    if (this.#closing && this.streams.size === 0) this.socket.destroy();
  }
}

let goodStart = Buffer.from([0xff]);

/** Undefined for grpc-status 0, else a name for it. Good answers nearly always begin with the same bytes. */
function statusOf(block) {
  if (block.compare(goodStart, 0, goodStart.length, 0, Math.min(goodStart.length, block.length)) === 0)
    return undefined;
  let httpStatus;
  for (const [name, value, end] of readHeaders(block)) {
    if (name === ':status') httpStatus = value;
    if (name !== 'grpc-status') continue;
    if (value !== '0') return `GRPC_${value}`;
    // Without a header table bytes mean the same in every block.
    goodStart = Buffer.from(block.subarray(0, end));
    return undefined;
  }
  return `HTTP_${httpStatus}`;
}
