// Draws lines of text as a small gray PNG: node scripts/render-text.mjs out.png "first line" "second line"
// The fixtures of the OCR tests were made by it with DejaVu Sans (free licence of Bitstream Vera): docs/examples/hello.png
// and libs/model-runtime/src/processing/fixtures/*.png. Another machine's fonts give other pixels, so tests use the files.
import sharp from 'sharp';

const FONT_SIZE = 28;
const LINE_HEIGHT = 52;
const MARGIN = 24;

const [out, ...lines] = process.argv.slice(2);
if (!out || lines.length === 0) {
  console.error('usage: node scripts/render-text.mjs <out.png> <line> [<line> …]');
  process.exit(64);
}

const width = 2 * MARGIN + Math.ceil(Math.max(...lines.map((line) => line.length)) * FONT_SIZE * 0.68);
const height = 2 * MARGIN + lines.length * LINE_HEIGHT;
const escape = (text) => text.replace(/[&<>]/g, (character) => `&#${character.charCodeAt(0)};`);
const texts = lines.map((line, i) => {
  const y = MARGIN + i * LINE_HEIGHT + LINE_HEIGHT / 2 + FONT_SIZE / 3;
  return `<text x="${MARGIN}" y="${y}" font-family="DejaVu Sans" font-size="${FONT_SIZE}">${escape(line)}</text>`;
});
const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">
<rect width="100%" height="100%" fill="white"/>${texts.join('')}</svg>`;
await sharp(Buffer.from(svg)).grayscale().png({ compressionLevel: 9, colours: 16 }).toFile(out);
