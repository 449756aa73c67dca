import fc from 'fast-check';
import { Heap } from './heap.ts';

interface Entry {
  value: number;
}

describe('Heap', () => {
  it('has the least first, whatever is added, removed or grows', () => {
    const step = fc.oneof(
      fc.record({ op: fc.constant('push' as const), value: fc.nat(50) }),
      fc.record({ op: fc.constant('grow' as const), value: fc.nat(50) }),
      fc.record({ op: fc.constant('remove' as const) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const heap = new Heap<Entry>((a, b) => a.value < b.value);
        const model: Entry[] = [];
        for (const s of steps) {
          const { first } = heap;
          if (s.op === 'push') {
            const entry = { value: s.value };
            model.push(entry);
            heap.push(entry);
          } else if (s.op === 'remove') {
            heap.removeFirst();
            if (first) model.splice(model.indexOf(first), 1);
          } else if (first) {
            first.value += s.value;
            heap.sinkFirst();
          }
          expect(new Set(heap.items)).toEqual(new Set(model));
          expect(heap.items.length).toBe(model.length);
          expect(heap.first?.value).toBe(
            model.length > 0 ? Math.min(...model.map((e) => e.value)) : undefined,
          );
        }
      }),
    );
  });
});
