import { z } from 'zod';
import { AppError } from '@frontier/contracts/errors';
import { bodyOf, send, unexpected, type HttpRequest } from './http.ts';
import { atMost, collect } from './storage.ts';

export interface OciCredentials {
  username: string;
  password: string;
}

const MAX_TOKEN_BYTES = 64 * 1024;
const tokenSchema = z.object({ token: z.string().optional(), access_token: z.string().optional() });

/** Calls a registry as whoever the credentials are of: HTTP Basic, or a bearer token as the registry's challenge says. */
export class OciAccess {
  readonly #registry: string;
  readonly #credentials: OciCredentials | undefined;
  #authorization: string | undefined;

  constructor(registry: string, credentials: OciCredentials | undefined) {
    this.#registry = registry;
    this.#credentials = credentials;
  }

  /** As `send`; a challenge is answered once. A body must be readable again. */
  async send(request: HttpRequest, signal?: AbortSignal): Promise<Response> {
    const response = await send(this.#authorized(request), signal);
    const challenge = response.headers.get('www-authenticate');
    if (response.status !== 401 || challenge === null) return response;
    await response.body?.cancel();
    this.#authorization = await this.#answer(challenge, signal);
    return send(this.#authorized(request), signal);
  }

  #authorized(request: HttpRequest): HttpRequest {
    // An upload may be sent to another host, which must not see the registry's credentials.
    if (this.#authorization === undefined || new URL(request.url).origin !== this.#registry) return request;
    return { ...request, headers: { ...request.headers, authorization: this.#authorization } };
  }

  async #answer(challenge: string, signal?: AbortSignal): Promise<string> {
    const basic = this.#credentials && `Basic ${Buffer.from(`${this.#credentials.username}:${this.#credentials.password}`).toString('base64')}`; // prettier-ignore
    if (/^basic/i.test(challenge)) {
      if (basic === undefined) throw new AppError('UNAUTHORIZED', `${this.#registry} asks for a user and a password`); // prettier-ignore
      return basic;
    }
    const said = Object.fromEntries([...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, value]) => [key, value])); // prettier-ignore
    const realm = new URL(said['realm'] ?? '', this.#registry);
    if (realm.protocol !== 'https:' && realm.origin !== this.#registry)
      throw new AppError(
        'UNAUTHORIZED',
        `${this.#registry} sends its callers to ${realm.origin}, without TLS`,
      );
    for (const key of ['service', 'scope']) {
      const value = said[key];
      if (value !== undefined) realm.searchParams.set(key, value);
    }
    const headers = basic === undefined ? {} : { authorization: basic };
    const response = await send({ method: 'GET', url: String(realm), headers }, signal);
    if (response.status !== 200) throw await unexpected(response, 'asking for a token');
    const text = (await collect(atMost(bodyOf(response), MAX_TOKEN_BYTES, 'token'))).toString('utf8');
    const { token, access_token: other } = tokenSchema.parse(JSON.parse(text));
    return `Bearer ${token ?? other ?? ''}`;
  }
}
