import { DispatchServer, type WorkerStream } from '@frontier/rpc/dispatch-server';
import type { BatchResult__Output } from '@frontier/rpc/gen/dispatch/v1/BatchResult';
import type { Credit__Output } from '@frontier/rpc/gen/dispatch/v1/Credit';
import type { DispatcherMessage } from '@frontier/rpc/gen/dispatch/v1/DispatcherMessage';
import type { Register__Output } from '@frontier/rpc/gen/dispatch/v1/Register';
import type { TokenChunk__Output } from '@frontier/rpc/gen/dispatch/v1/TokenChunk';
import type { WorkerMessage__Output } from '@frontier/rpc/gen/dispatch/v1/WorkerMessage';

/** A dispatcher of one test: a real server that gives what it is told to and remembers what it gets. */
export class FakeDispatcher {
  readonly #server: DispatchServer;
  #port = 0;
  #stream: WorkerStream | undefined;
  #changed: (() => void)[] = [];
  readonly registrations: Register__Output[] = [];
  credits: Credit__Output[] = [];
  readonly results: BatchResult__Output[] = [];
  readonly chunks: TokenChunk__Output[] = [];
  streams = 0;
  ended = 0;
  drained = false;

  constructor(port = 0) {
    this.#server = new DispatchServer({
      host: '127.0.0.1',
      port,
      onWorker: (stream) => this.#accept(stream),
      onGateway: (stream) => stream.close(),
    });
  }

  async start(): Promise<void> {
    this.#port = await this.#server.start();
  }

  get port(): number {
    return this.#port;
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  send(message: DispatcherMessage): void {
    this.#stream?.send(message);
  }

  /** Ends the stream as a restart of the dispatcher would. */
  hangUp(): void {
    this.#stream?.close();
  }

  creditsOf(model: string): number {
    return this.credits.reduce((sum, credit) => sum + (credit.model === model ? credit.count : 0), 0);
  }

  /** Waits until something has come that the test waits for. */
  async until(done: () => boolean): Promise<void> {
    while (!done()) await new Promise<void>((resolve) => this.#changed.push(resolve));
  }

  stop(): Promise<void> {
    return this.#server.stop(500);
  }

  #accept(stream: WorkerStream): void {
    this.#stream = stream;
    this.streams += 1;
    this.credits = [];
    stream.onMessage((message) => {
      this.#keep(message);
      this.#notify();
    });
    stream.onClose(() => {
      this.ended += 1;
      this.#notify();
    });
    this.#notify();
  }

  #keep({ register, credit, result, tokens, drain }: WorkerMessage__Output): void {
    if (register) this.registrations.push(register);
    if (credit) this.credits.push(credit);
    if (result) this.results.push(result);
    if (tokens) this.chunks.push(tokens);
    if (drain) this.drained = true;
  }

  #notify(): void {
    for (const wake of this.#changed.splice(0)) wake();
  }
}
