import { AppError } from '@frontier/contracts/errors';
import type { RequestView } from '@frontier/contracts/ports';
import type { Settled } from '@frontier/contracts/request';
import { originJson, usageJson } from '../pipeline/answer-json.ts';
import { errorOf, tensorsIn, variantOf } from '../pipeline/answer.ts';
import { shown } from '../pipeline/invalid.ts';
import { outputsJson } from '../pipeline/json-outputs.ts';
import type { HttpDeps } from './deps.ts';
import { errorJson, type Exchange } from './exchange.ts';
import { REPLAYED } from './infer.ts';
import { readCall } from './read-call.ts';

/** `POST /v1/jobs`: accepted; the answer is polled. */
export async function submitJob(deps: HttpDeps, exchange: Exchange, query: string): Promise<void> {
  const { pipeline, config } = deps;
  exchange.trace();
  const call = await readCall(exchange, query, 'job', config.maxBodyBytes);
  const { id, replayed } = await pipeline.admit(await pipeline.prepare(call, exchange.context));
  const headers = ['Location', `/v1/jobs/${id}`, ...(replayed ? REPLAYED : [])];
  exchange.send(202, `{"id":"${id}","status":"processing"}`, headers);
}

/** `GET /v1/jobs/{id}`: status, and the result while it is kept. */
export async function readJob(deps: HttpDeps, exchange: Exchange, id: string): Promise<void> {
  const tenant = await deps.pipeline.tenantOf(exchange.context);
  const view = await deps.queue.read(id, tenant);
  if (!view) throw noJob(id);
  exchange.send(200, view.settled ? settledJson(deps, id, view.settled) : runningJson(view));
}

/** `DELETE /v1/jobs/{id}`: cancels it unless it has ended; says how it stands then. */
export async function cancelJob(deps: HttpDeps, exchange: Exchange, id: string): Promise<void> {
  const tenant = await deps.pipeline.tenantOf(exchange.context);
  const settled = await deps.pipeline.cancel(id, tenant);
  if (!settled) throw noJob(id);
  exchange.send(200, settledJson(deps, id, settled));
}

function noJob(id: string): AppError {
  return new AppError('NOT_FOUND', 'no such job, or it is not kept any longer', {
    details: { id: shown(id) },
  });
}

function runningJson({ id, model, state }: RequestView): string {
  return JSON.stringify({ id, status: state === 'retrying' ? 'retrying' : 'processing', model });
}

function settledJson({ pipeline }: HttpDeps, id: string, { outcome, outputs }: Settled): string {
  const head = `{"id":"${id}",${originJson(outcome)}`;
  if (outcome.status === 'completed') {
    const result = outputsJson(pipeline.outputsOf(outcome), tensorsIn(outputs));
    return `${head},"variant":"${variantOf(outcome)}","status":"completed","result":{${result},${usageJson(outcome)}}}`;
  }
  const status = outcome.status === 'cancelled' ? 'cancelled' : 'failed';
  return `${head},"status":"${status}","error":${errorJson(errorOf(id, outcome))}}`;
}
