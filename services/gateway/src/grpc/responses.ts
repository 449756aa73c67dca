import type { InferResponse } from '@frontier/rpc/gen/inference/v1/InferResponse';
import type { TokenChunk } from '@frontier/rpc/gen/inference/v1/TokenChunk';
import { variantOf, type Answer } from '../pipeline/answer.ts';
import { outputText } from '../pipeline/json-outputs.ts';

export function responseOf({ id, outcome, outputs, declared, latencyMs }: Answer): InferResponse {
  const response: InferResponse = {
    id,
    model: outcome.model,
    latency_ms: Math.round(latencyMs),
    version: outcome.version,
    variant: variantOf(outcome),
    status: 'completed',
  };
  if (outcome.usage) response.usage = outcome.usage;
  const text = outputText(declared, outputs);
  if (text !== undefined) response.output = text;
  else
    response.outputs = outputs.map(({ name, dtype, shape, data }) => ({
      name,
      datatype: dtype,
      shape,
      data,
    }));
  return response;
}

/** The last message of a stream: of a generation without text, of another model with its whole output. */
export function lastChunkOf({ id, outcome, outputs, declared }: Answer, generates: boolean): TokenChunk {
  const chunk: TokenChunk = {
    id,
    status: 'completed',
    version: outcome.version,
    variant: variantOf(outcome),
    usage: outcome.usage ?? { prompt_tokens: 0, completion_tokens: 0 },
  };
  if (outcome.finish) chunk.finish_reason = outcome.finish;
  if (!generates) chunk.text = outputText(declared, outputs) ?? '';
  return chunk;
}
