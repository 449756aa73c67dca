import { AppError } from '@frontier/contracts/errors';
import { withTimeout } from '@frontier/kit/abort';
import express, { type ErrorRequestHandler, type Express, type Request, type Response } from 'express';
import { requireRole, type Authenticator } from '../keys/authenticator.ts';
import { Exchange, type ExchangeDeps } from './exchange.ts';
import { invalidBody, invalidBySchema } from './invalid.ts';
import { openApi } from './openapi.ts';
import type { Reply, Route } from './route.ts';

/** A report of evidence has 1 MiB at most. */
const MAX_BODY_BYTES = 1_280 * 1024;
const HANDLE_MS = 20_000;

export interface AppDeps extends ExchangeDeps {
  authenticator: Authenticator;
}

/** The admin API: each route behind its key, its role and its schemas. */
export function createApp(routes: readonly Route[], deps: AppDeps): Express {
  const json = express.json({ limit: MAX_BODY_BYTES, type: () => true });
  const readBody = (request: Request, response: Response) =>
    new Promise<unknown>((resolve, reject) => {
      json(request, response, (error: unknown) => {
        if (error) reject(invalidBody(error, MAX_BODY_BYTES));
        else resolve(request.body ?? {});
      });
    });

  async function answer(route: Route, request: Request, response: Response): Promise<Reply> {
    const caller = await deps.authenticator.caller(request.headers.authorization);
    requireRole(caller, route.role);
    if (route.body && !request.is('application/json')) {
      throw new AppError('INVALID_INPUT', 'Content-Type: must be application/json');
    }
    return route.handle({
      caller,
      params: checked(route.params, request.params),
      query: checked(route.query, request.query),
      body: route.body && checked(route.body, await readBody(request, response)),
    });
  }

  const app = express();
  app.disable('x-powered-by').disable('etag').set('query parser', 'simple');
  for (const route of routes) {
    app[route.method](route.path.replaceAll(/\{(\w+)\}/g, ':$1'), async (request, response) => {
      const exchange = new Exchange(deps, route.path, request, response);
      try {
        const late = () => new AppError('TIMEOUT', `not done after ${HANDLE_MS / 1_000} s: look at what has happened before you try again`); // prettier-ignore
        exchange.send(await withTimeout(answer(route, request, response), HANDLE_MS, late));
      } catch (error) {
        exchange.fail(error);
      }
    });
  }
  const description = openApi(routes);
  app.get('/openapi.json', (_request, response) => void response.json(description));
  app.use((request, response) => {
    const shown = request.path.slice(0, 128);
    const error = new AppError('NOT_FOUND', `nothing answers ${request.method} ${shown}: see /openapi.json`);
    new Exchange(deps, 'other', request, response).fail(error);
  });
  const fault: ErrorRequestHandler = (_error, request, response, _next) => {
    new Exchange(deps, 'other', request, response).fail(
      new AppError('INVALID_INPUT', 'the path is not well encoded'),
    );
  };
  return app.use(fault);
}

function checked(schema: Route['params'], value: unknown): unknown {
  if (!schema) return undefined;
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw invalidBySchema(parsed.error);
  return parsed.data;
}
