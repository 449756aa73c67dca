import { answerJson } from '../pipeline/answer-json.ts';
import type { HttpDeps } from './deps.ts';
import type { Exchange } from './exchange.ts';
import { readCall } from './read-call.ts';

/** `POST /v1/infer`: one answer. A client that goes away ends its request, unless a key keeps it for a second try. */
export async function infer(deps: HttpDeps, exchange: Exchange, query: string): Promise<void> {
  const { pipeline, config } = deps;
  exchange.trace();
  const call = await readCall(exchange, query, 'sync', config.maxBodyBytes);
  const accepted = await pipeline.admit(await pipeline.prepare(call, exchange.context));
  const { id, replayed, request } = accepted;
  if (!request.idempotency) {
    const cancel = () => {
      if (exchange.gone) pipeline.abandon(id, request.tenant);
    };
    if (exchange.gone) cancel();
    else exchange.response.once('close', cancel);
  }
  const answer = await pipeline.answer(accepted);
  exchange.send(200, answerJson(answer), replayed ? REPLAYED : undefined);
}

export const REPLAYED: readonly string[] = ['Idempotent-Replayed', 'true'];
