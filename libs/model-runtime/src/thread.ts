import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import { AppError, toWireError } from '@frontier/contracts/errors';
import { serveGeneration } from './generation/serve.ts';
import { Graph } from './graph.ts';
import type { CloseMessage, Ready, RunAnswer, RunMessage, ThreadData } from './protocol.ts';
import { openSession } from './session.ts';
import { buffersOf } from './tensors.ts';
import { warmUp } from './warm-up.ts';

/*
 * The program of a model's thread: loads, warms up, says so, then executes what it is sent, one after the other.
 * A next execution that waits in the port begins before the main thread has looked at the answer of the last.
 */

async function main(port: MessagePort, { model, providers }: ThreadData): Promise<void> {
  const started = performance.now();
  const { spec, artifact } = model;
  if (artifact === undefined) throw new Error(`${spec.name} has no artifact to load`);
  const { session, provider, fallbacks } = await openSession(artifact, providers, spec.threads);
  if (spec.generation) {
    await serveGeneration(port, session, model);
  } else {
    const graph = await Graph.create(session, model);
    await warmUp(session, spec);
    serveBatches(port, graph);
  }
  const loadSeconds = (performance.now() - started) / 1000;
  port.postMessage({ type: 'ready', provider, fallbacks, loadSeconds } satisfies Ready);
}

function serveBatches(port: MessagePort, graph: Graph): void {
  let last = Promise.resolve();
  port.on('message', (message: RunMessage | CloseMessage) => {
    last = last.then(async () => {
      if (message.type === 'close') return port.close();
      const answer = await answerTo(graph, message);
      port.postMessage(answer, answer.type === 'done' ? buffersOf(answer.tensors) : []);
    });
  });
}

async function answerTo(graph: Graph, message: RunMessage): Promise<RunAnswer> {
  try {
    const outcome = await graph.run(message.rows, message.tensors, message.receivedUs);
    return { type: 'done', id: message.id, ...outcome };
  } catch (error) {
    return { type: 'failed', id: message.id, error: toWireError(AppError.from(error)) };
  }
}

if (!parentPort) throw new Error('runs as a worker thread only');
void main(parentPort, workerData as ThreadData);
