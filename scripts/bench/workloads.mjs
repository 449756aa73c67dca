// What is asked, encoded for both protocols, and how each answer is checked. A workload holds several different
// requests, so that an answer that was given to the wrong caller is seen.
//
// `{model, items: [{inputs: [{name, datatype, shape, data}], expected: {output: bytes | Float32Array | Int32Array}}]}`:
// bytes must come back as they are, floats nearly (the order of sums depends on the batch).
import { inferRequest, outputsOf } from './protobuf.mjs';

const ELEMENTS = { INT32: Int32Array, FP32: Float32Array };
const TOLERANCE = 1e-3;

export function encodeWorkload({ model, items }) {
  return {
    http: {
      path: '/v1/infer',
      get bodies() {
        return items.map(({ inputs }) =>
          JSON.stringify({ model, inputs: Object.fromEntries(inputs.map(asJson)) }),
        );
      },
      check: checkOver(items, jsonCheck),
    },
    grpc: {
      path: '/inference.v1.InferenceService/Infer',
      messages: items.map(({ inputs }) => inferRequest({ model, inputs })),
      check: checkOver(items, messageCheck),
    },
  };
}

/** `check(index, answer)` of all items, each made ready once by `checkOf(expected)`. */
function checkOver(items, checkOf) {
  const checks = items.map(({ expected }) => checkOf(Object.entries(expected)));
  return (index, answer) => checks[index](answer);
}

function asJson({ name, datatype, shape, data }) {
  const bytes = Uint8Array.from(data);
  return [name, nest([...new (ELEMENTS[datatype] ?? Uint8Array)(bytes.buffer)], shape)];
}

function nest(values, shape) {
  if (shape.length === 1) return values;
  const size = values.length / shape[0];
  return Array.from({ length: shape[0] }, (_, i) =>
    nest(values.slice(i * size, (i + 1) * size), shape.slice(1)),
  );
}

/** Integers are looked for as text, which costs less than parsing the answer. */
function jsonCheck(expected) {
  if (expected.every(([, values]) => values instanceof Int32Array)) {
    const texts = expected.map(([name, values]) => Buffer.from(`"${name}":[[${values}]]`));
    return (body) => texts.every((text) => body.includes(text));
  }
  return (body) => {
    const { outputs } = JSON.parse(body.latin1Slice()).data;
    return expected.every(([name, values]) => isNear(outputs[name].flat(), values));
  };
}

function messageCheck(expected) {
  return (message) => {
    const outputs = outputsOf(message);
    return expected.every(([name, values]) => {
      const data = outputs[name];
      if (!data || data.length !== values.byteLength) return false;
      if (values instanceof Float32Array)
        return isNear(new Float32Array(Uint8Array.from(data).buffer), values);
      return data.equals(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    });
  };
}

function isNear(given, expected) {
  return (
    given.length === expected.length &&
    expected.every((value, i) => Math.abs(given[i] - value) <= TOLERANCE * (1 + Math.abs(value)))
  );
}
