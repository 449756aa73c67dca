/** The start of a PNG of this size; its pixels are missing. */
export function pngHeader(width: number, height: number): Buffer {
  const header = Buffer.alloc(33);
  Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex').copy(header);
  header.writeUInt32BE(width, 16);
  header.writeUInt32BE(height, 20);
  return header;
}

/** The start of a JPEG of this size: start of image and frame header. */
export function jpegHeader(width: number, height: number): Buffer {
  const header = Buffer.alloc(21);
  Buffer.from('ffd8ffc0001108', 'hex').copy(header);
  header.writeUInt16BE(height, 7);
  header.writeUInt16BE(width, 9);
  return header;
}
