import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { bytesTensor } from '@frontier/contracts/tensor';
import sharp from 'sharp';
import { loadShipped, output, readLines, type Line, type Ocr } from './testing.ts';

// The shipped models, each in its thread, on pages whose text is known (made by scripts/render-text.mjs).
const HELLO = readFileSync(resolve(__dirname, '../../../../docs/examples/hello.png'));
const LETTER = readFileSync(join(__dirname, 'fixtures/letter.png'));

const HELLO_LINES = ['Hello, OCR!', 'Invoice 2026-0417', 'Total: 1,284.50 EUR'];
const LETTER_LINES = [
  'Dear Sir or Madam,',
  'your parcel No. 8812 left Hamburg on Monday.',
  'Please pay 4,500.00 EUR by 31 December.',
  'Kind regards, the delivery service',
];

let ocr: Ocr;

beforeAll(async () => {
  const [detect, direction, recognise] = await Promise.all([
    loadShipped('ocr-detect'),
    loadShipped('text-direction'),
    loadShipped('ocr-recognise'),
  ]);
  ocr = { detect, direction, recognise };
}, 60_000);

afterAll(() => Promise.all(Object.values(ocr).map((model) => model.close())));

function textsOf(lines: readonly Line[]): string[] {
  return lines.map(({ text }) => text);
}

function turned(file: Uint8Array, degrees: number): Promise<Buffer> {
  return sharp(file).rotate(degrees, { background: 'white' }).png().toBuffer();
}

test('upright: exact lines, sure of them, boxes around the ink', async () => {
  const lines = await readLines(ocr, HELLO);
  expect(textsOf(lines)).toEqual(HELLO_LINES);
  for (const { confidence } of lines) expect(confidence).toBeGreaterThan(0.9);
  const [left = 0, top = 0, , , right = 0, bottom = 0] = lines[0]?.box ?? [];
  // The ink of the first line lies between (25, 39) and (183, 63).
  expect([left > 10 && left < 25, top > 25 && top < 39]).toEqual([true, true]);
  expect([right > 183 && right < 198, bottom > 63 && bottom < 77]).toEqual([true, true]);
});

test('a longer letter', async () => {
  expect(textsOf(await readLines(ocr, LETTER))).toEqual(LETTER_LINES);
});

test('as JPEG', async () => {
  expect(textsOf(await readLines(ocr, await sharp(HELLO).jpeg({ quality: 90 }).toBuffer()))).toEqual(
    HELLO_LINES,
  );
});

test('upside down: the lines from below', async () => {
  expect(textsOf(await readLines(ocr, await turned(HELLO, 180)))).toEqual(HELLO_LINES.toReversed());
});

test('a longer letter, upside down', async () => {
  expect(textsOf(await readLines(ocr, await turned(LETTER, 180)))).toEqual(LETTER_LINES.toReversed());
});

test.each([7, -8])('turned by %d degrees', async (degrees) => {
  expect(textsOf(await readLines(ocr, await turned(HELLO, degrees)))).toEqual(HELLO_LINES);
});

test('lying on its side', async () => {
  expect(new Set(textsOf(await readLines(ocr, await turned(HELLO, 90))))).toEqual(new Set(HELLO_LINES));
});

test('a large scan with grain', async () => {
  const { data, info } = await sharp(HELLO).resize({ width: 2500 }).toColourspace('srgb').raw().toBuffer({ resolveWithObject: true }); // prettier-ignore
  for (let i = 0; i < data.length; i++) data[i] = (data[i] ?? 0) * 0.7 + ((i * 7919) % 61);
  const raw = { width: info.width, height: info.height, channels: info.channels };
  const scan = await sharp(data, { raw }).jpeg().toBuffer();
  expect(textsOf(await readLines(ocr, scan))).toEqual(HELLO_LINES);
});

test('a page without text has no lines', async () => {
  const blank = { create: { width: 300, height: 200, channels: 3, background: 'white' } } as const;
  const found = await ocr.detect.run({ rows: 1, tensors: [bytesTensor('image', [await sharp(blank).png().toBuffer()])], receivedUs: 0 }); // prettier-ignore
  expect(found.outputRows).toEqual([0]);
  expect(found.tensors.map(({ shape }) => shape)).toEqual([[0, 4, 2], [0], [0, 48, 192, 3], [0]]);
});

test('what is no image fails alone, with what is wrong', async () => {
  const found = await ocr.detect.run({ rows: 1, tensors: [bytesTensor('image', [Buffer.from('hello')])], receivedUs: 0 }); // prettier-ignore
  expect(found.rowErrors).toEqual([[0, expect.objectContaining({ code: 'INVALID_INPUT' })]]);
});

test('lines of one batch do not mix', async () => {
  const found = await ocr.detect.run({ rows: 1, tensors: [bytesTensor('image', [HELLO])], receivedUs: 0 });
  const thumbs = output(found, 'thumbs');
  const together = await ocr.direction.run({
    rows: 3,
    tensors: [{ ...thumbs, name: 'image' }],
    receivedUs: 0,
  });
  expect([...output(together, 'label').data]).toEqual(Array.from({ length: 12 }, () => 0));
});
