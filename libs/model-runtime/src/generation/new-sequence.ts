import { AppError } from '@frontier/contracts/errors';
import type { GenerationSpec } from '@frontier/contracts/model-spec';
import type { TextTokenizer } from '@frontier/model-store/tokenizer';
import type { GenerationJob } from '../protocol.ts';
import { AnswerText } from './answer-text.ts';
import { Sequence } from './sequence.ts';

/** What a model reads and writes. */
export interface Vocabulary {
  spec: GenerationSpec;
  tokenizer: TextTokenizer;
  /** Id of the token that ends a text. */
  endOfText: number;
}

/** Throws INVALID_INPUT for a prompt that leaves no room for a token; a longer answer than has room is cut. */
export function newSequence(
  { spec, tokenizer, endOfText }: Vocabulary,
  key: number,
  job: GenerationJob,
): Sequence {
  const encoded = tokenizer.encode(job.prompt);
  // A text begins behind the end of another one.
  const prompt = encoded.length > 0 ? encoded : [endOfText];
  const room = spec.context - prompt.length;
  if (room < 1) {
    const message = `prompt: ${prompt.length} tokens, the model takes ${spec.context - 1} at most`;
    throw new AppError('INVALID_INPUT', message, {
      details: { tokens: prompt.length, context: spec.context },
    });
  }
  return new Sequence({
    key,
    promptTokens: prompt.length,
    input: [...prompt, ...job.resume],
    resumed: job.resume,
    sampling: { ...job.sampling, maxNewTokens: Math.min(job.sampling.maxNewTokens, room) },
    endOfText,
    text: new AnswerText(tokenizer, prompt, job.sampling.stop),
    deadline: performance.now() + job.timeoutMs,
  });
}
