import { bytesElements, bytesTensor, elementCount, type Tensor } from '@frontier/contracts/tensor';
import { BatchModel } from '../batch-model.ts';
import type { BatchOutcome } from '../protocol.ts';
import { RecordedEvents, shippedModel } from '../testing.ts';
import { floatsOf } from './tensors.ts';

/** Helpers of this folder's tests. */

export async function loadShipped(name: string): Promise<BatchModel> {
  const model = await shippedModel(name, { instances: 1 });
  return BatchModel.load({ model, providers: ['cpu'], events: new RecordedEvents() });
}

export interface Line {
  text: string;
  confidence: number;
  /** Top left, top right, bottom right, bottom left: x, y. */
  box: number[];
}

export interface Ocr {
  detect: BatchModel;
  direction: BatchModel;
  recognise: BatchModel;
}

/** What the ensemble `ocr` does, without a dispatcher. */
export async function readLines({ detect, direction, recognise }: Ocr, file: Uint8Array): Promise<Line[]> {
  const found = await detect.run({ rows: 1, tensors: [bytesTensor('image', [file])], receivedUs: 0 });
  const boxes = floatsOf(output(found, 'boxes'));
  const crops = bytesElements(output(found, 'crops'));
  const lines = crops.map(async (data, i): Promise<Line> => {
    const thumb = { ...rowOf(output(found, 'thumbs'), i), name: 'image' };
    const label = output(await direction.run({ rows: 1, tensors: [thumb], receivedUs: 0 }), 'label');
    const image: Tensor = { name: 'image', dtype: 'UINT8', shape: [1, 48, data.length / 144, 3], data };
    const read = await recognise.run({
      rows: 1,
      tensors: [image, { ...label, name: 'rotate' }],
      receivedUs: 0,
    });
    return {
      text: Buffer.from(bytesElements(output(read, 'text'))[0] ?? []).toString(),
      confidence: floatsOf(output(read, 'confidence'))[0] ?? 0,
      box: [...boxes.subarray(i * 8, i * 8 + 8)],
    };
  });
  return Promise.all(lines);
}

export function output({ tensors }: BatchOutcome, name: string): Tensor {
  const tensor = tensors.find((t) => t.name === name);
  if (!tensor) throw new Error(`no output ${name}`);
  return tensor;
}

/** Row i of a UINT8 tensor. */
function rowOf(tensor: Tensor, i: number): Tensor {
  const shape = [1, ...tensor.shape.slice(1)];
  const size = elementCount(shape);
  return { ...tensor, shape, data: tensor.data.subarray(i * size, (i + 1) * size) };
}
