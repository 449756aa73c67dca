import { imageSize } from './image-size.ts';
import { jpegHeader, pngHeader } from '../testing/images.ts';

describe('imageSize', () => {
  it('reads PNG and JPEG headers', () => {
    expect(imageSize(pngHeader(640, 480))).toEqual({ type: 'png', width: 640, height: 480 });
    expect(imageSize(jpegHeader(640, 480))).toEqual({ type: 'jpeg', width: 640, height: 480 });
  });

  it('passes over the segments before the frame', () => {
    const exif = Buffer.concat([Buffer.from('ffe10006', 'hex'), Buffer.from('Exif')]);
    const huffman = Buffer.from('ffc40004ffff', 'hex');
    const [start, frame] = [jpegHeader(3, 2).subarray(0, 2), jpegHeader(3, 2).subarray(2)];
    const padding = Buffer.from('ff', 'hex');
    expect(imageSize(Buffer.concat([start, exif, huffman, padding, frame]))).toEqual({
      type: 'jpeg',
      width: 3,
      height: 2,
    });
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['text', Buffer.from('GIF89a and more of it, long enough to be a header')],
    ['a PNG cut short', pngHeader(1, 1).subarray(0, 20)],
    ['a PNG without pixels', pngHeader(0, 5)],
    ['a JPEG cut short', jpegHeader(1, 1).subarray(0, 8)],
    ['a JPEG without a frame', Buffer.concat([Buffer.from('ffd8', 'hex'), Buffer.alloc(100)])],
    ['a JPEG whose segment leads out', Buffer.from('ffd8ffe1ffff00000000000000000000', 'hex')],
  ])('knows nothing of %s', (_, bytes) => {
    expect(imageSize(bytes)).toBeUndefined();
  });
});
