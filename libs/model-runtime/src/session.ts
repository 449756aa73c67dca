import { env, InferenceSession } from 'onnxruntime-node';
import type { Fallback, Provider } from './protocol.ts';

export interface OpenSession {
  session: InferenceSession;
  /** What the graph runs on. */
  provider: Provider;
  /** What was asked for before it and could not be had. */
  fallbacks: Fallback[];
}

/**
 * Loads a graph on the first of the providers that works here. `session.run` holds the thread that calls it, so
 * this belongs into a worker thread. Throws when the graph loads on none.
 */
export async function openSession(
  artifact: string,
  providers: readonly Provider[],
  threads: number,
): Promise<OpenSession> {
  // A provider that is missing is reported by us, once, and not by lines of its own on standard error.
  env.logLevel = 'fatal';
  const fallbacks: Fallback[] = [];
  const wanted = new Set<Provider>([...providers, 'cpu']);
  for (const provider of wanted) {
    try {
      const session = await InferenceSession.create(artifact, optionsFor(provider, threads));
      return { session, provider, fallbacks };
    } catch (error) {
      fallbacks.push({ provider, reason: (error as Error).message });
    }
  }
  throw new Error(fallbacks.map(({ provider, reason }) => `${provider}: ${reason}`).join('; '));
}

function optionsFor(provider: Provider, threads: number): InferenceSession.SessionOptions {
  return {
    executionProviders: [provider],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    // Threads that spin while they wait take the cores from the other processes of the machine.
    extra: { session: { intra_op: { allow_spinning: '0' } } },
    logSeverityLevel: 4,
  };
}
