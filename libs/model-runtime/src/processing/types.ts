import type { WireError } from '@frontier/contracts/errors';
import type { Tensor } from '@frontier/contracts/tensor';
import type { StoredModel } from '@frontier/model-store/repository';

/** One execution on its way through the steps before and behind the graph. */
export interface ProcessingBatch {
  rows: number;
  /** By name; steps replace or add tensors. Behind the graph these are its outputs. */
  tensors: Map<string, Tensor>;
  /** Per row, set by a step that could not process it; the row keeps its place in the tensors (zeros). */
  rowErrors: Map<number, WireError>;
  /**
   * State that a step before the graph leaves for one behind it. A step that changes how many output rows an
   * input row has leaves `outputRows`, a number for each input row.
   */
  notes: Map<string, unknown>;
}

export type Step = (batch: ProcessingBatch) => void | Promise<void>;

/**
 * Makes a step from the options of `model.yaml`, once, when the model is loaded. `model` is the version that the
 * step belongs to: its limits, its folder. Throws on faulty options.
 */
export type Preprocessor = (options: Record<string, unknown>, model: StoredModel) => Step | Promise<Step>;

/** The same, behind the graph. */
export type Postprocessor = Preprocessor;
