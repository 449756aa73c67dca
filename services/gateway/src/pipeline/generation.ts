import type { GenerationSpec, ModelSpec } from '@frontier/contracts/model-spec';
import { generationParamsSchema, type GenerationParams } from '@frontier/contracts/request';
import { bytesElements, type Tensor } from '@frontier/contracts/tensor';
import type { StoredModel } from '@frontier/model-store/repository';
import { loadTokenizer, type TextTokenizer } from '@frontier/model-store/tokenizer';
import { invalid, invalidBySchema, shown } from './invalid.ts';

/** Sampling parameters with the model's default length; undefined for a model that does not generate. */
export function generationParams(
  spec: ModelSpec,
  given: Record<string, unknown> | undefined,
): GenerationParams | undefined {
  if (!spec.generation) {
    if (given && Object.keys(given).length > 0) {
      throw invalid(`model ${spec.name} takes no params`, {
        field: shown(`params.${Object.keys(given)[0]}`),
      });
    }
    return undefined;
  }
  const parsed = generationParamsSchema.safeParse(given ?? {});
  if (!parsed.success) throw invalidBySchema(parsed.error, 'params.');
  return {
    ...parsed.data,
    max_new_tokens: parsed.data.max_new_tokens ?? spec.generation.defaultMaxNewTokens,
  };
}

/** Text of this many characters is counted at a time: a prompt far over the limit costs no more than the limit. */
const PIECE = 4096;

/** Refuses prompts that leave no room for an answer. Tokenizers are loaded when a prompt needs to be counted. */
export class PromptGuard {
  readonly #tokenizers = new Map<StoredModel, Promise<TextTokenizer>>();

  /** Throws INVALID_INPUT with both numbers; returns at once for a prompt that cannot be too long. */
  async check(model: StoredModel, prompt: Tensor): Promise<void> {
    const { generation } = model.spec;
    const [bytes] = bytesElements(prompt);
    if (!generation || !bytes || !model.tokenizer) return;
    if (bytes.length === 0)
      throw invalid(`tensor ${prompt.name}: the prompt is empty`, { tensor: prompt.name });
    // A token is a byte at least.
    if (bytes.length < generation.context) return;
    const tokenizer = await this.#tokenizerOf(model, model.tokenizer);
    countTokens(tokenizer, Buffer.from(bytes).toString(), generation);
  }

  #tokenizerOf(model: StoredModel, file: string): Promise<TextTokenizer> {
    let tokenizer = this.#tokenizers.get(model);
    if (!tokenizer) {
      tokenizer = loadTokenizer(file);
      this.#tokenizers.set(model, tokenizer);
      tokenizer.catch(() => this.#tokenizers.delete(model));
    }
    return tokenizer;
  }
}

function countTokens(tokenizer: TextTokenizer, text: string, { context }: GenerationSpec): void {
  // Cutting a text changes its count a little at each cut: what is clearly over is refused by the estimate.
  let estimate = 0;
  for (let at = 0; at < text.length && estimate < 2 * context; at += PIECE) {
    estimate += tokenizer.encode(text.slice(at, at + PIECE)).length;
  }
  const tokens = estimate < 2 * context ? tokenizer.encode(text).length : estimate;
  if (tokens < context) return;
  const atLeast = estimate < 2 * context ? '' : 'at least ';
  throw invalid(
    `the prompt has ${atLeast}${tokens} tokens, the model's context ${context}, of which one is for the answer`,
    {
      tokens,
      context,
    },
  );
}
