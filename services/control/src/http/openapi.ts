import { z } from 'zod';
import { ERROR_CODES } from '@frontier/contracts/errors';
import type { Route } from './route.ts';

type Json = Record<string, unknown>;

const ERROR = {
  type: 'object',
  required: ['code', 'message', 'details'],
  properties: {
    code: { enum: ERROR_CODES },
    message: { type: 'string', description: 'What is wrong and what to do next' },
    details: { type: 'object' },
  },
};

const ENVELOPE = {
  type: 'object',
  required: ['success', 'data', 'error', 'timestamp', 'request_id'],
  properties: {
    success: { type: 'boolean' },
    data: {},
    error: { anyOf: [{ $ref: '#/components/schemas/Error' }, { type: 'null' }] },
    timestamp: { type: 'string', format: 'date-time' },
    request_id: { type: 'string' },
  },
};

/** OpenAPI 3.1 of the routes, from the schemas that validate them. `x-role`: the least role that may call it. */
export function openApi(routes: readonly Route[]): Json {
  const paths: Record<string, Json> = {};
  for (const route of routes) (paths[route.path] ??= {})[route.method] = operation(route);
  return {
    openapi: '3.1.0',
    info: {
      title: 'Frontier control service',
      version: '1',
      description: 'Models, gates, rollouts, experiments, dead letters, keys and the audit log.',
    },
    paths,
    components: {
      schemas: { Error: ERROR, Envelope: ENVELOPE },
      securitySchemes: {
        key: { type: 'http', scheme: 'bearer', bearerFormat: 'frn_<environment>_<id>_<secret>' },
      },
    },
    security: [{ key: [] }],
  };
}

function operation({ method, path, summary, role, params, query, body }: Route): Json {
  const envelope = (description: string) => ({
    description,
    content: { 'application/json': { schema: { $ref: '#/components/schemas/Envelope' } } },
  });
  return {
    operationId: operationId(method, path),
    summary,
    'x-role': role,
    parameters: [...parametersOf(params, 'path'), ...parametersOf(query, 'query')],
    ...(body && {
      requestBody: {
        required: true,
        content: { 'application/json': { schema: z.toJSONSchema(body, { io: 'input' }) } },
      },
    }),
    responses: {
      '2XX': envelope('done'),
      '4XX': envelope('refused: `error` says why'),
      '5XX': envelope('failed'),
    },
  };
}

function operationId(method: string, path: string): string {
  const words = path
    .replace('/admin', '')
    .split(/[/{}.-]+/)
    .filter(Boolean);
  return [method, ...words]
    .map((word, i) => (i === 0 ? word : word[0]?.toUpperCase() + word.slice(1)))
    .join('');
}

function parametersOf(schema: z.ZodObject | undefined, where: 'path' | 'query'): Json[] {
  if (!schema) return [];
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: 'input' });
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: where,
    required: where === 'path' || required.includes(name),
    schema: property,
  }));
}
