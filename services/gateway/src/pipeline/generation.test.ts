import { join } from 'node:path';
import type { ModelSpec } from '@frontier/contracts/model-spec';
import { bytesTensor } from '@frontier/contracts/tensor';
import type { StoredModel } from '@frontier/model-store/repository';
import { testCatalogue } from '../testing/models.ts';
import { generationParams, PromptGuard } from './generation.ts';

const poet = testCatalogue.get('poet') as StoredModel;
const simple = testCatalogue.get('simple') as StoredModel;

describe('generationParams', () => {
  it('fills in the default length', () => {
    expect(generationParams(poet.spec, undefined)).toEqual({ max_new_tokens: 8 });
    expect(generationParams(poet.spec, { max_new_tokens: 3, stop: 'x' })).toEqual({
      max_new_tokens: 3,
      stop: ['x'],
    });
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['an unknown name', { temprature: 1 }, 'params.temprature'],
    ['a wrong type', { temperature: 'hot' }, 'params.temperature'],
    ['out of range', { top_p: 0 }, 'params.top_p'],
    ['too many stops', { stop: new Array(9).fill('a') }, 'params.stop'],
  ])('refuses %s by name', (_, params, field) => {
    expect(() => generationParams(poet.spec, params)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT', details: expect.objectContaining({ field }) })); // prettier-ignore
  });

  it('refuses any for a model that does not generate', () => {
    expect(generationParams(simple.spec, {})).toBeUndefined();
    expect(() => generationParams(simple.spec, { seed: 1 })).toThrow('model simple takes no params');
  });
});

describe('PromptGuard', () => {
  const tokenizer = join(__dirname, '../../../../models/tiny-gpt/1/tokenizer.json');
  const model = (context: number): StoredModel => {
    const generation = { ...poet.spec.generation, context } as NonNullable<ModelSpec['generation']>;
    return { ...poet, spec: { ...poet.spec, generation }, tokenizer };
  };
  const prompt = (text: string) => bytesTensor('prompt', [Buffer.from(text)]);

  it('counts only prompts that could be too long', async () => {
    const guard = new PromptGuard();
    await expect(
      guard.check({ ...model(16), tokenizer: '/nowhere' }, prompt('fifteen letters')),
    ).resolves.toBeUndefined();
    await expect(guard.check(model(16), prompt('the cat and the dog'))).resolves.toBeUndefined();
  });

  it('refuses a prompt that leaves no room, with both numbers', async () => {
    const refused = new PromptGuard().check(model(16), prompt('the cat '.repeat(12)));
    await expect(refused).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      details: { context: 16, tokens: expect.any(Number) },
    });
  });

  it('refuses a huge prompt without counting all of it', async () => {
    const started = performance.now();
    const refused = new PromptGuard().check(model(256), prompt('the cat and the dog '.repeat(200_000)));
    await expect(refused).rejects.toMatchObject({ code: 'INVALID_INPUT', details: { context: 256 } });
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});
