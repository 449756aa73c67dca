import type { Postprocessor, Preprocessor } from './types.ts';

/*
 * A step is imported when a model names it: the thread of a model holds what that model needs, and only one of
 * them needs the image library.
 */

/** Steps before the graph, by the name that `use` in `model.yaml` has. */
export const preprocessors: Record<string, Preprocessor> = {
  'decode-image': async (...args) => (await import('./decode-image.ts')).decodeImage(...args),
  'pixels-to-planes': async (...args) => (await import('./pixels-to-planes.ts')).pixelsToPlanes(...args),
};

/** Steps behind the graph. */
export const postprocessors: Record<string, Postprocessor> = {
  'text-boxes': async (...args) => (await import('./text-boxes.ts')).textBoxes(...args),
  direction: async (...args) => (await import('./direction.ts')).direction(...args),
  'ctc-text': async (...args) => (await import('./ctc-text.ts')).ctcText(...args),
};
