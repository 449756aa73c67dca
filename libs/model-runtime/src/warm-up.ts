import type { ModelSpec } from '@frontier/contracts/model-spec';
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { ortZeros } from './tensors.ts';

/** What a free dimension is while warming up: small, and a multiple of what convolutions halve. */
const FREE_DIMENSION = 32;

/**
 * Runs the bare graph on zeros with one row and with as many as a batch may have: memory is allocated and kernels
 * are chosen before the first caller waits for them. Throws when the graph does not run.
 */
export async function warmUp(session: InferenceSession, spec: ModelSpec): Promise<void> {
  for (const rows of new Set([1, spec.batching.maxRows])) {
    const feeds: Record<string, OrtTensor> = {};
    for (const input of session.inputMetadata) {
      if (!input.isTensor) throw new Error(`graph input ${input.name} is no tensor`);
      const declared = spec.inputs.find((io) => io.name === input.name)?.shape ?? [];
      const shape = input.shape.map((dim, i) => {
        if (i === 0) return rows;
        const known = declared[i] ?? -1;
        if (known > 0) return known;
        return typeof dim === 'number' ? dim : FREE_DIMENSION;
      });
      feeds[input.name] = ortZeros(input.type, shape);
    }
    await session.run(feeds);
  }
}
