import { AppError } from '@frontier/contracts/errors';
import type { Pool } from '@frontier/contracts/queue';
import express, { type ErrorRequestHandler, type Express, type Request, type RequestHandler } from 'express';
import { shown } from '../pipeline/invalid.ts';
import type { HttpDeps } from './deps.ts';
import { Exchange } from './exchange.ts';
import { cancelJob, readJob, submitJob } from './jobs.ts';
import { ModelsRoute } from './models.ts';

/** All routes but the hot ones, which have no time for a framework. */
export function createApp(deps: HttpDeps, pools: readonly Pool[]): Express {
  const models = new ModelsRoute(deps.catalogue, deps.router, pools);
  const route =
    (name: string, handle: (exchange: Exchange, request: Request) => Promise<void> | void): RequestHandler =>
    async (request, response) => {
      const exchange = new Exchange(deps, name, request, response);
      try {
        await handle(exchange, request);
      } catch (error) {
        exchange.fail(error);
      }
    };
  const fault: ErrorRequestHandler = (_error, request, response, _next) => {
    const exchange = new Exchange(deps, 'other', request, response);
    exchange.fail(new AppError('INVALID_INPUT', 'the path is not well encoded'));
  };

  const app = express();
  app.disable('x-powered-by').disable('etag').set('query parser', 'simple');
  app.post(
    '/v1/jobs',
    route('/v1/jobs', (exchange, { url }) => submitJob(deps, exchange, url.split('?', 2)[1] ?? '')),
  );
  app.get(
    '/v1/jobs/:id',
    route('/v1/jobs/{id}', (exchange, { params }) => readJob(deps, exchange, idOf(params))),
  );
  app.delete(
    '/v1/jobs/:id',
    route('/v1/jobs/{id}', (exchange, { params }) => cancelJob(deps, exchange, idOf(params))),
  );
  app.get(
    '/v1/models',
    route('/v1/models', (exchange, { query }) => models.list(exchange, query)),
  );
  app.get(
    '/v1/models/:id',
    route('/v1/models/{name}', (exchange, { params }) => models.get(exchange, idOf(params))),
  );
  app.get(
    '/healthz',
    route('/healthz', (exchange) => exchange.send(200, '{"status":"ok"}')),
  );
  app.get(
    '/readyz',
    route('/readyz', (exchange) => sayReady(exchange, deps.ready())),
  );
  app.use(route('other', noRoute));
  app.use(fault);
  return app;
}

function idOf({ id }: Request['params']): string {
  return typeof id === 'string' ? id : '';
}

function sayReady(exchange: Exchange, ready: true | string): void {
  if (ready !== true) throw new AppError('UNAVAILABLE', ready, { retryAfterS: 1 + Math.random() });
  exchange.send(200, '{"status":"ready"}');
}

function noRoute({ request }: Exchange): void {
  throw new AppError('NOT_FOUND', `nothing answers ${request.method} ${shown(request.url ?? '')}`);
}
