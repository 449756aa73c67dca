import { infer, readCall } from '../baseline.ts';

export interface SmokeOptions {
  /** HTTP base URL of a gateway. */
  url: string;
  /** Folder with `<model>.json`. */
  bodies: string;
}

/** One call to a version by its name, through a gateway: gateway, dispatcher and worker all have to know it. */
export class Smoke {
  readonly #options: SmokeOptions;

  constructor(options: SmokeOptions) {
    this.#options = options;
  }

  /** Why it is not served yet; undefined: it answered, or there is no call for this model. Never rejects. */
  async faultOf(model: string, version: string, signal: AbortSignal): Promise<string | undefined> {
    const { url, bodies } = this.#options;
    try {
      const body = await readCall(bodies, model, version);
      const fault = await infer(url, body, signal);
      return fault && `a call to version ${version} of ${model} was not answered: ${fault}`;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      return `there is no call to version ${version} of ${model}: ${(error as Error).message}`;
    }
  }
}
