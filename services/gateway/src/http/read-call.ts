import { PRIORITIES } from '@frontier/contracts/queue';
import type { Mode } from '@frontier/contracts/request';
import { z } from 'zod';
import type { GivenInputs, InferenceCall } from '../pipeline/call.ts';
import { invalid, invalidBySchema } from '../pipeline/invalid.ts';
import { readBody } from './body.ts';
import type { Exchange } from './exchange.ts';
import { parseJson } from './json.ts';

const DAY_MS = 24 * 3_600_000;

const envelope = {
  model: z.string().min(1).max(128),
  version: z.string().min(1).max(64).optional(),
  priority: z.enum(PRIORITIES).default('standard'),
};
const deadline = z.int().min(1).max(DAY_MS);

/** The JSON body of an inference. Tensors in `inputs` are held against the model later, without a copy by a schema. */
const bodySchema = z.strictObject({
  ...envelope,
  prompt: z.string().optional(),
  input: z.unknown().optional(),
  inputs: z.custom<Record<string, unknown>>(isObject, 'an object of tensors by name').optional(),
  params: z.custom<Record<string, unknown>>(isObject, 'an object').optional(),
  deadline_ms: deadline.optional(),
  stream: z.boolean().optional(),
  callback_url: z.never('webhooks are not available yet').optional(),
});

/** What a body of bytes leaves for the query string. */
const querySchema = z.strictObject({
  ...envelope,
  deadline_ms: z.string().regex(/^\d+$/, 'a whole number').transform(Number).pipe(deadline).optional(),
});

const BINARY = new Set(['image/png', 'image/jpeg', 'application/octet-stream']);

/** Reads the call out of a request: a JSON body, or a body of bytes with the rest in the query string. */
export async function readCall(
  exchange: Exchange,
  query: string,
  mode: Mode,
  maxBytes: number,
): Promise<InferenceCall> {
  const type = exchange.request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (type === 'application/json') return fromJson(await readBody(exchange.request, maxBytes), mode);
  if (BINARY.has(type)) return fromBytes(exchange, query, mode, maxBytes);
  throw invalid(
    `Content-Type: application/json, or for one input as bytes one of ${[...BINARY].join(', ')}`,
    {
      field: 'Content-Type',
    },
  );
}

function fromJson(bytes: Buffer, mode: Mode): InferenceCall {
  const parsed = bodySchema.safeParse(parseJson(bytes));
  if (!parsed.success) throw invalidBySchema(parsed.error);
  const { model, version, params, priority, deadline_ms: deadlineMs, stream } = parsed.data;
  if (stream && mode === 'sync') throw invalid('stream: POST /v1/infer/stream streams', { field: 'stream' });
  return { model, version, inputs: inputsOf(parsed.data), params, priority, deadlineMs, mode };
}

function inputsOf({ prompt, input, inputs }: z.output<typeof bodySchema>): GivenInputs {
  const given = Number(prompt !== undefined) + Number(input !== undefined) + Number(inputs !== undefined);
  if (given !== 1) throw invalid('give one of prompt, input and inputs', { field: 'inputs' });
  if (inputs !== undefined) return { form: 'named', values: inputs };
  return prompt === undefined ? { form: 'value', value: input } : { form: 'prompt', text: prompt };
}

async function fromBytes(
  exchange: Exchange,
  query: string,
  mode: Mode,
  maxBytes: number,
): Promise<InferenceCall> {
  const parsed = querySchema.safeParse(Object.fromEntries(new URLSearchParams(query)));
  if (!parsed.success) throw invalidBySchema(parsed.error);
  const { model, version, priority, deadline_ms: deadlineMs } = parsed.data;
  const bytes = await readBody(exchange.request, maxBytes);
  return { model, version, inputs: { form: 'bytes', bytes }, priority, deadlineMs, mode };
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
