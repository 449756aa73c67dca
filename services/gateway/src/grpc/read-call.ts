import { PRIORITIES, type Priority } from '@frontier/contracts/queue';
import type { Mode } from '@frontier/contracts/request';
import type { DType, Tensor } from '@frontier/contracts/tensor';
import type { InferRequest__Output } from '@frontier/rpc/gen/inference/v1/InferRequest';
import type { GivenInputs, InferenceCall } from '../pipeline/call.ts';
import { invalid, shown } from '../pipeline/invalid.ts';

const NUMBERS = ['temperature', 'top_k', 'top_p', 'seed', 'max_new_tokens'];

/** An InferRequest as a call; `deadlineMs` is what its gRPC deadline leaves. Throws INVALID_INPUT. */
export function readCall(request: InferRequest__Output, deadlineMs: number, mode: Mode): InferenceCall {
  const own = request.deadline_ms === 0 ? Infinity : request.deadline_ms;
  const deadline = Math.min(own, deadlineMs);
  return {
    model: request.model,
    version: request.version === '' ? undefined : request.version,
    inputs: inputsOf(request),
    params: paramsOf(request.params),
    priority: priorityOf(request.priority),
    deadlineMs: Number.isFinite(deadline) ? deadline : undefined,
    mode,
  };
}

function priorityOf(text: string): Priority {
  if (text === '') return 'standard';
  const priority = PRIORITIES.find((known) => known === text);
  if (!priority) throw invalid(`priority: one of ${PRIORITIES.join(', ')}`, { field: 'priority' });
  return priority;
}

function inputsOf({ prompt, input, inputs }: InferRequest__Output): GivenInputs {
  const given = Number(prompt !== '') + Number(input.length > 0) + Number(inputs.length > 0);
  if (given > 1) throw invalid('give one of prompt, input and inputs', { field: 'inputs' });
  if (input.length > 0) return { form: 'bytes', bytes: input };
  if (inputs.length === 0) return { form: 'prompt', text: prompt };
  return { form: 'tensors', tensors: inputs.map(tensorOf) };
}

/** Its data type is held against the model's later; a name that is none differs from all. */
function tensorOf({ name, datatype, shape, data }: InferRequest__Output['inputs'][number]): Tensor {
  return { name, dtype: datatype as DType, shape: shape.map(Number), data };
}

/** The values are text on this wire: numbers by name, `stop` alone or as a JSON array. */
function paramsOf(given: Record<string, string>): Record<string, unknown> | undefined {
  const entries = Object.entries(given);
  if (entries.length === 0) return undefined;
  return Object.fromEntries(entries.map(([name, text]) => [name, paramOf(name, text)]));
}

function paramOf(name: string, text: string): unknown {
  if (name === 'stop' && text.startsWith('[')) {
    try {
      return JSON.parse(text) as unknown;
    } catch {
      throw invalid('params.stop: a JSON array, or one text', { field: 'params.stop' });
    }
  }
  if (!NUMBERS.includes(name)) return text;
  const number = text.trim() === '' ? NaN : Number(text);
  if (Number.isNaN(number))
    throw invalid(`params.${name}: "${shown(text)}" is not a number`, { field: `params.${name}` });
  return number;
}
