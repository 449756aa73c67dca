// As much of HTTP/2 (RFC 9113) and HPACK (RFC 7541) as a gRPC client of unary calls needs. The header table size is 0,
// so header blocks carry no state from one to the next.

export const FRAME = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  window: 8,
  continuation: 9,
};
export const FLAG = { ack: 1, endStream: 1, endHeaders: 4, padded: 8, priority: 32 };
export const SETTING = { tableSize: 1, push: 2, maxStreams: 3, initialWindow: 4, maxFrame: 5 };
export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

export function frame(type, flags, stream, payload = Buffer.alloc(0)) {
  const bytes = Buffer.allocUnsafe(9 + payload.length);
  writeFrameHead(bytes, 0, payload.length, type, flags, stream);
  payload.copy(bytes, 9);
  return bytes;
}

function writeFrameHead(bytes, at, length, type, flags, stream) {
  bytes.writeUIntBE(length, at, 3);
  bytes[at + 3] = type;
  bytes[at + 4] = flags;
  bytes.writeUInt32BE(stream, at + 5);
}

/** A SETTINGS frame of `[[id, value], …]`. */
export function settingsFrame(settings) {
  const payload = Buffer.alloc(6 * settings.length);
  settings.forEach(([id, value], i) => {
    payload.writeUInt16BE(id, i * 6);
    payload.writeUInt32BE(value, i * 6 + 2);
  });
  return frame(FRAME.settings, 0, 0, payload);
}

export function windowFrame(stream, increment) {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(increment);
  return frame(FRAME.window, 0, stream, payload);
}

/** A header block of literals without indexing. */
export function headerBlock(headers) {
  const parts = [];
  for (const [name, value] of headers) {
    const n = Buffer.from(name);
    const v = Buffer.from(value);
    parts.push(Buffer.from([0]), integer(n.length, 7, 0), n, integer(v.length, 7, 0), v);
  }
  return Buffer.concat(parts);
}

function integer(value, bits, flags) {
  const max = (1 << bits) - 1;
  if (value < max) return Buffer.from([flags | value]);
  const bytes = [flags | max];
  let rest = value - max;
  for (; rest >= 128; rest >>= 7) bytes.push((rest & 127) | 128);
  bytes.push(rest);
  return Buffer.from(bytes);
}

/**
 * The headers of a block as `[name, value, end]`, `end` being the offset behind the header. Of those that are a whole
 * entry of the static table only `:status` is given.
 */
export function* readHeaders(block) {
  let at = 0;
  const readInteger = (bits) => {
    const max = (1 << bits) - 1;
    let value = block[at++] & max;
    if (value < max) return value;
    for (let shift = 0; ; shift += 7) {
      const byte = block[at++];
      value += (byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  const readString = () => {
    const huffman = block[at] & 128;
    const length = readInteger(7);
    const bytes = block.subarray(at, at + length);
    at += length;
    return huffman ? decodeHuffman(bytes) : bytes.latin1Slice();
  };
  while (at < block.length) {
    const first = block[at];
    if (first & 128) {
      const status = STATIC_STATUS[readInteger(7)];
      if (status) yield [':status', status, at];
    } else if ((first & 0xe0) === 0x20) {
      readInteger(5);
    } else {
      const index = readInteger(first & 64 ? 6 : 4);
      const name = index === 0 ? readString() : (STATIC_NAME[index] ?? `static-${index}`);
      yield [name, readString(), at];
    }
  }
}

const STATIC_STATUS = { 8: '200', 9: '204', 10: '206', 11: '304', 12: '400', 13: '404', 14: '500' };
const STATIC_NAME = { 8: ':status', 31: 'content-type' };

// Huffman codes of RFC 7541, appendix B, up to 15 bits: all that headers of gRPC are made of. The code is canonical
// (codes count up by length, then by symbol), so the symbols of each length in order say everything.
const SYMBOLS = {
  5: '012aceiost',
  6: ' %-./3456789=A_bdfghlmnpru',
  7: ':BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz',
  8: '&*,;XZ',
  10: '!"()?',
  11: "'+|",
  12: '#>',
  13: '\0$@[]~',
  14: '^}',
  15: '<`{',
};

const CODES = new Map();
for (let length = 5, code = 0; length <= 15; length++, code <<= 1) {
  for (const symbol of SYMBOLS[length] ?? '') CODES.set((length << 16) | code++, symbol);
}

function decodeHuffman(bytes) {
  let text = '';
  let code = 0;
  let length = 0;
  for (const byte of bytes) {
    for (let bit = 7; bit >= 0; bit--) {
      code = (code << 1) | ((byte >> bit) & 1);
      const symbol = CODES.get((++length << 16) | code);
      if (symbol === undefined && length < 16) continue;
      text += symbol ?? '?';
      code = 0;
      length = 0;
    }
  }
  return text;
}
