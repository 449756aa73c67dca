// The few protobuf messages of the benchmark: requests are encoded once each, before the load starts.

function varint(value) {
  const bytes = [];
  let rest = BigInt(value);
  for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}

function bytesField(number, value) {
  const bytes = Buffer.from(value);
  return Buffer.concat([varint((number << 3) | 2), varint(bytes.length), bytes]);
}

/** `inference.v1.InferRequest` with tensors `{name, datatype, shape, data}`. */
export function inferRequest({ model, inputs }) {
  const tensors = inputs.map(({ name, datatype, shape, data }) =>
    bytesField(
      4,
      Buffer.concat([
        bytesField(1, name),
        bytesField(2, datatype),
        bytesField(3, Buffer.concat(shape.map(varint))),
        bytesField(4, data),
      ]),
    ),
  );
  return Buffer.concat([bytesField(1, model), ...tensors]);
}

/** The fields of a message as `[number, value]`: bytes as views, numbers as they are. */
function* fields(message) {
  let at = 0;
  const next = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = message[at++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const key = next();
    if ((key & 7) === 0) yield [key >> 3, next()];
    else if ((key & 7) === 2) {
      const length = next();
      yield [key >> 3, message.subarray(at, (at += length))];
    } else throw new Error(`wire type ${key & 7}`);
  }
}

/** The outputs of an `InferResponse`: name → raw data. */
export function outputsOf(message) {
  const outputs = {};
  for (const [number, tensor] of fields(message)) {
    if (number !== 5) continue;
    let name = '';
    let data = Buffer.alloc(0);
    for (const [part, value] of fields(tensor)) {
      if (part === 1) name = value.latin1Slice();
      else if (part === 4) data = value;
    }
    outputs[name] = data;
  }
  return outputs;
}
