import { BatchModel } from './batch-model.ts';
import { GenerationModel } from './generation-model.ts';
import type { ThreadOptions } from './model-thread.ts';

export type LoadedModel = BatchModel | GenerationModel;

/**
 * Loads a model of platform `onnx` into threads of its own; resolves when it is warm. Rejects when the file, the
 * options of a step or all execution providers fail.
 */
export function loadModel(options: ThreadOptions): Promise<LoadedModel> {
  return options.model.spec.generation ? GenerationModel.load(options) : BatchModel.load(options);
}
