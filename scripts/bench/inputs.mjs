// The requests of each scenario and their right answers.
import { fileURLToPath } from 'node:url';
import { random } from './random.mjs';

const VARIANTS = 64;

const bytesOf = (values) => Buffer.from(values.buffer, values.byteOffset, values.byteLength);

/** 16 integers and 16 integers in, their sums and differences out. */
export function simpleWorkload() {
  const next = random(1);
  const integers = () => Int32Array.from({ length: 16 }, () => Math.floor(next() * 1000));
  const items = Array.from({ length: VARIANTS }, () => {
    const [a, b] = [integers(), integers()];
    const tensor = (name, values) => ({ name, datatype: 'INT32', shape: [1, 16], data: bytesOf(values) });
    return {
      inputs: [tensor('INPUT0', a), tensor('INPUT1', b)],
      expected: { OUTPUT0: a.map((value, i) => value + b[i]), OUTPUT1: a.map((value, i) => value - b[i]) },
    };
  });
  return { model: 'simple', items };
}

/** Rows of 256 floats that are short as JSON; `answers(rows)` gives the model's own outputs. */
export async function mlpWorkload(rows, answers) {
  const next = random(2);
  const count = Math.max(4, VARIANTS / rows);
  const x = Float32Array.from({ length: count * rows * 256 }, () => Math.floor(next() * 65 - 32) / 16);
  const y = await answers(x, count * rows);
  const items = Array.from({ length: count }, (_, i) => {
    const data = bytesOf(x.subarray(i * rows * 256, (i + 1) * rows * 256));
    const expected = { y: y.slice(i * rows * 10, (i + 1) * rows * 10) };
    return { inputs: [{ name: 'x', datatype: 'FP32', shape: [rows, 256], data }], expected };
  });
  return { model: 'mlp', items };
}

// The lines of docs/examples/hello.png, top and width in its pixels.
const LINES = [
  { text: 'Hello, OCR!', top: 32, width: 172 },
  { text: 'Invoice 2026-0417', top: 84, width: 270 },
  { text: 'Total: 1,284.50 EUR', top: 136, width: 284 },
];

/** One line as raw pixels, 48 high and `width` wide, gray behind its end, upside down when `turned`. */
async function linePixels({ top, width: lineWidth }, width, turned) {
  const { default: sharp } = await import('sharp');
  const line = sharp(fileURLToPath(new URL('../../docs/examples/hello.png', import.meta.url)))
    .extract({ left: 20, top, width: lineWidth, height: 36 })
    .toColourspace('srgb')
    .resize(width, 48, { fit: 'contain', position: 'left', background: { r: 127, g: 127, b: 127 } });
  const pixels = await sharp(await line.png().toBuffer())
    .rotate(turned ? 180 : 0)
    .removeAlpha()
    .raw()
    .toBuffer();
  return { name: 'image', datatype: 'UINT8', shape: [1, 48, width, 3], data: pixels };
}

/** Lines of text, 320 wide. */
export async function recogniseWorkload() {
  const items = LINES.map(async (line) => {
    const text = Buffer.from(line.text);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(text.length);
    return {
      inputs: [await linePixels(line, 320, false)],
      expected: { text: Buffer.concat([length, text]) },
    };
  });
  return { model: 'ocr-recognise', items: await Promise.all(items) };
}

/** The same lines, 192 wide, upright and upside down by turns. */
export async function directionWorkload() {
  const items = [...LINES, ...LINES].map(async (line, i) => ({
    inputs: [await linePixels(line, 192, i % 2 === 1)],
    expected: { label: Int32Array.of(i % 2) },
  }));
  return { model: 'text-direction', items: await Promise.all(items) };
}
