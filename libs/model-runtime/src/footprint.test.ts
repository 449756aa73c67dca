import { footprintOf } from './footprint.ts';
import { shippedModel } from './testing.ts';

const MiB = 1024 * 1024;

test('grows with files, instances and the cache of a generation model', async () => {
  const one = await footprintOf(await shippedModel('ocr-recognise'));
  const { spec } = await shippedModel('ocr-recognise');
  const two = await footprintOf(await shippedModel('ocr-recognise', { instances: 2 * spec.instances }));
  expect(two.bytes).toBe(2 * one.bytes);
  // Its graph of 10 MiB lies in a package.
  expect(one.bytes).toBeGreaterThan(spec.instances * 40 * MiB);
  const { generation } = (await shippedModel('tiny-gpt')).spec;
  const few = await footprintOf(await shippedModel('tiny-gpt'));
  const many = await footprintOf(await shippedModel('tiny-gpt', generation && { generation: { ...generation, slots: generation.slots + 1 } })); // prettier-ignore
  const { layers, heads, headSize, context } = generation ?? {
    layers: NaN,
    heads: 0,
    headSize: 0,
    context: 0,
  };
  expect(many.bytes - few.bytes).toBe(8 * layers * heads * headSize * context);
});

test('fails for what is gone', async () => {
  const model = await shippedModel('simple');
  await expect(footprintOf({ ...model, dir: `${model.dir}/nothing` })).rejects.toThrow('ENOENT');
});
