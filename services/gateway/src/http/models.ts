import { AppError } from '@frontier/contracts/errors';
import { maxRequestRows } from '@frontier/contracts/model-spec';
import type { Pool } from '@frontier/contracts/queue';
import type { Catalogue } from '@frontier/model-store/catalogue';
import type { StoredModel } from '@frontier/model-store/repository';
import { shown } from '../pipeline/invalid.ts';
import type { Router } from '../traffic/router.ts';
import type { Exchange } from './exchange.ts';
import { pageOf } from './paging.ts';

/** What a caller may know of the models. */
export class ModelsRoute {
  readonly #catalogue: Catalogue;
  readonly #router: Router;
  readonly #pools: readonly Pool[];

  constructor(catalogue: Catalogue, router: Router, pools: readonly Pool[]) {
    this.#catalogue = catalogue;
    this.#router = router;
    this.#pools = pools;
  }

  /** `GET /v1/models`. */
  list(exchange: Exchange, query: unknown): void {
    const { items, next, previous } = pageOf(this.#catalogue.names(), (name) => name, query);
    const headers: string[] = [];
    if (next !== undefined) headers.push('X-Next-Cursor', next);
    if (previous !== undefined) headers.push('X-Prev-Cursor', previous);
    exchange.send(200, JSON.stringify(items.map((name) => this.#view(name))), headers);
  }

  /** `GET /v1/models/{name}`. */
  get(exchange: Exchange, name: string): void {
    const view = this.#view(name);
    if (!view) throw new AppError('NOT_FOUND', `no model ${shown(name)}`);
    exchange.send(200, JSON.stringify(view));
  }

  #view(name: string): object | undefined {
    const stable = this.#router.stable(name);
    const model = stable ?? this.#catalogue.get(name);
    if (!model) return undefined;
    const blocked = this.#router.blocked(name);
    const versions = this.#catalogue
      .list()
      .flatMap(({ spec }) => (spec.name === name && !blocked.includes(spec.version) ? [spec.version] : []));
    return { ...viewOf(model, stable ? this.#pools : []), versions };
  }
}

function viewOf({ spec }: StoredModel, installed: readonly Pool[]): object {
  const { name, version, task, description, licence, inputs, outputs, limits, generation } = spec;
  const pools = spec.pools.filter((pool) => installed.includes(pool));
  return {
    name,
    version,
    task,
    description,
    licence,
    inputs,
    outputs,
    limits: {
      max_rows: maxRequestRows(spec),
      max_input_bytes: limits.maxInputBytes,
      max_pixels: limits.maxPixels,
      ...(generation && {
        context: generation.context,
        default_max_new_tokens: generation.defaultMaxNewTokens,
      }),
    },
    pools,
    streams: generation !== undefined,
    state: pools.length > 0 ? 'available' : 'unavailable',
  };
}
