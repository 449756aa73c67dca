import type { MessagePort } from 'node:worker_threads';
import type { StoredModel } from '@frontier/model-store/repository';
import { loadTokenizer } from '@frontier/model-store/tokenizer';
import type { InferenceSession } from 'onnxruntime-node';
import type { CloseMessage, GenerationMessage } from '../protocol.ts';
import { OnnxDecoder } from './decoder.ts';
import { GenerationEngine } from './engine.ts';

/** Inside the thread of a generation model: warms up and answers what comes through the port from then on. */
export async function serveGeneration(
  port: MessagePort,
  session: InferenceSession,
  { spec: { generation }, tokenizer: file }: StoredModel,
): Promise<void> {
  if (!generation || file === undefined) throw new Error('a generation model needs a tokenizer');
  const tokenizer = await loadTokenizer(file);
  const endOfText = tokenizer.idOf(generation.endOfText);
  if (endOfText === undefined) throw new Error(`the tokenizer has no token ${generation.endOfText}`);
  const decoder = new OnnxDecoder(session, generation);
  await decoder.prefill(0, new Array<number>(generation.prefillChunk).fill(endOfText), 0);
  await decoder.step([endOfText], [0], []);
  const engine = new GenerationEngine({
    spec: generation,
    decoder,
    tokenizer,
    endOfText,
    emit: (message) => port.postMessage(message),
  });
  port.on('message', (message: GenerationMessage | CloseMessage) => {
    if (message.type === 'generate') engine.start(message.key, message);
    else if (message.type === 'cancel') engine.cancel(message.key);
    else port.close();
  });
}
