export interface ImageSize {
  type: 'png' | 'jpeg';
  width: number;
  height: number;
}

const PNG = Buffer.from('89504e470d0a1a0a', 'hex');
const IHDR = Buffer.from('IHDR');

/**
 * Width and height of a PNG or JPEG as its header declares them, without decoding a pixel; undefined for anything
 * that is neither, or whose header is cut short.
 */
export function imageSize(bytes: Uint8Array): ImageSize | undefined {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.subarray(0, 8).equals(PNG)) return pngSize(buffer);
  if (buffer[0] === 0xff && buffer[1] === 0xd8) return jpegSize(buffer);
  return undefined;
}

/** Signature, then the chunk IHDR: length, name, width, height. */
function pngSize(buffer: Buffer): ImageSize | undefined {
  if (buffer.length < 33 || !buffer.subarray(12, 16).equals(IHDR)) return undefined;
  return sizeOf('png', buffer.readUInt32BE(16), buffer.readUInt32BE(20));
}

/** Walks the segments (FF, marker, length) up to the frame header. */
function jpegSize(buffer: Buffer): ImageSize | undefined {
  let at = 2;
  while (at + 9 < buffer.length) {
    if (buffer[at] !== 0xff) return undefined;
    const marker = buffer[at + 1] as number;
    if (marker === 0xff) at += 1;
    else if (isFrame(marker)) return sizeOf('jpeg', buffer.readUInt16BE(at + 7), buffer.readUInt16BE(at + 5));
    else if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7)) at += 2;
    else at += 2 + buffer.readUInt16BE(at + 2);
  }
  return undefined;
}

/** SOF0 to SOF15, without DHT, JPG and DAC, which lie among them. */
function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}

function sizeOf(type: ImageSize['type'], width: number, height: number): ImageSize | undefined {
  return width > 0 && height > 0 ? { type, width, height } : undefined;
}
