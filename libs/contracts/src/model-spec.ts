import { z } from 'zod';
import { POOLS } from './queue.ts';
import { DTYPES } from './tensor.ts';

const name = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,127}$/);
const positive = z.int().min(1);

const ioSchema = z.strictObject({
  name: z.string().min(1).max(128),
  dtype: z.enum(DTYPES),
  /** The first dimension is the batch's rows (-1); further -1 are free. */
  shape: z.array(z.int().min(-1)).min(1).max(8),
  /** What a caller sees: numbers, text, an encoded image, or a JSON value (the last three as BYTES). */
  kind: z.enum(['tensor', 'text', 'image', 'json']).default('tensor'),
  optional: z.boolean().default(false),
});

/** A file of the version's own folder, or of an installed npm package (`package`). */
const artifactSchema = z.strictObject({ file: z.string().min(1), package: z.string().optional() });

/** Names a step of pre- or post-processing (`libs/model-runtime/src/processing`) and its options. */
const stepSchema = z.looseObject({ use: z.string().min(1) });

const generationSchema = z.strictObject({
  tokenizer: z.string().default('tokenizer.json'),
  /** Positions of a sequence at most: prompt and answer. */
  context: positive,
  /** Sequences in the running batch. */
  slots: positive.max(1024),
  layers: positive,
  heads: positive,
  headSize: positive,
  /** Tokens of a prompt that are prefilled between two decode steps. */
  prefillChunk: positive.default(32),
  endOfText: z.string(),
  defaultMaxNewTokens: positive.default(64),
});

/** A value of an ensemble step: the name of a tensor that the request or an earlier step gave. */
const ensembleInputSchema = z.union([
  z.string(),
  /** Each BYTES element of `from` read as a tensor of this shape; one -1 follows from its length. */
  z.strictObject({ from: z.string(), shape: z.array(z.int().min(-1)) }),
]);

const ensembleSchema = z.strictObject({
  steps: z
    .array(
      z.strictObject({
        model: name,
        /** Runs once for each row of this tensor; the outputs are stacked in the same order. */
        forEach: z.string().optional(),
        inputs: z.record(z.string(), ensembleInputSchema),
        /** Output of the step's model → name it has from here on. */
        outputs: z.record(z.string(), z.string()),
      }),
    )
    .min(1)
    .max(16),
  /** A JSON output made of columns: one object a row, `{field: tensor}`. */
  rows: z
    .strictObject({ output: z.string(), key: z.string(), columns: z.record(z.string(), z.string()) })
    .optional(),
  /** Rows that a `forEach` may have at most. */
  maxRows: positive.default(512),
});

/** `model.yaml`: what one immutable version of a model is and how it is run. */
export const modelSpecSchema = z.strictObject({
  name,
  version: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/),
  task: z.string().min(1).max(64),
  platform: z.enum(['onnx', 'ensemble']),
  description: z.string().default(''),
  licence: z.string().default('unknown'),
  artifact: artifactSchema.optional(),
  inputs: z.array(ioSchema).min(1).max(64),
  outputs: z.array(ioSchema).min(1).max(64),
  batching: z
    .strictObject({
      /** Rows in one execution at most. */
      maxRows: positive.max(4096).default(32),
      /** An idle worker waits this long for a fuller batch. 0: it never waits. */
      windowMs: z.number().min(0).max(1000).default(0),
    })
    .prefault({}),
  pools: z.array(z.enum(POOLS)).min(1).default(['gpu', 'cpu']),
  /** Sessions of a worker, each in its own thread, and threads inside one execution. */
  instances: positive.max(64).default(1),
  threads: positive.max(64).default(1),
  preprocess: z.array(stepSchema).default([]),
  postprocess: z.array(stepSchema).default([]),
  generation: generationSchema.optional(),
  ensemble: ensembleSchema.optional(),
  limits: z
    .strictObject({
      /** Bytes of all inputs of a request. */
      maxInputBytes: positive.default(4 * 1024 * 1024),
      /** Pixels of one image. */
      maxPixels: positive.default(16_000_000),
    })
    .prefault({}),
});

export type ModelSpec = z.output<typeof modelSpecSchema>;
export type TensorSpec = ModelSpec['inputs'][number];
export type GenerationSpec = NonNullable<ModelSpec['generation']>;
export type EnsembleSpec = NonNullable<ModelSpec['ensemble']>;

/** `name@version`: how a version is named in keys, batches and logs. */
export function versionKey(model: { name: string; version: string }): string {
  return `${model.name}@${model.version}`;
}

/** How many executions a request may be cut into. */
const MAX_PARTS = 64;

/**
 * Rows that one request may have: more than fit into an execution are cut into several. Not for an ensemble, whose
 * steps see the request as a whole, nor for a model of one row, whose answer may have any number of rows itself.
 */
export function maxRequestRows({ batching: { maxRows }, generation, platform }: ModelSpec): number {
  if (generation) return 1;
  return platform === 'ensemble' || maxRows === 1 ? maxRows : MAX_PARTS * maxRows;
}
