import { AppError } from '@frontier/contracts/errors';
import type { ModelSpec } from '@frontier/contracts/model-spec';
import type { Pool } from '@frontier/contracts/queue';
import type { AssignedVariant } from '@frontier/contracts/request';
import type { Catalogue } from '@frontier/model-store/catalogue';
import type { StoredModel } from '@frontier/model-store/repository';
import type { Ticket } from '../traffic/ticket.ts';
import { shown } from './invalid.ts';

/** Where a call goes. */
export interface Route {
  model: StoredModel;
  pool: Pool;
  /** Absent: stable. */
  variant?: AssignedVariant | undefined;
  /** Of a call that a rollout or an experiment counts. */
  ticket?: Ticket | undefined;
  /** The candidate that a copy of this call is to be run on. */
  shadow?: { id: string; model: StoredModel } | undefined;
}

/** The version that is named, else the latest. Throws NOT_FOUND. */
export function findModel(catalogue: Catalogue, name: string, version: string | undefined): StoredModel {
  const model = catalogue.get(name, version);
  if (model) return model;
  const known = catalogue.get(name);
  const given = shown(name);
  throw known
    ? new AppError('NOT_FOUND', `model ${given} has no version ${shown(version ?? '')}`, {
        details: { model: given },
      })
    : new AppError('NOT_FOUND', `no model ${given}; GET /v1/models lists what there is`, {
        details: { model: given },
      });
}

/** Only somebody who changes the installation can help: nobody need ask often. */
const NO_POOL_RETRY_S = 60;

/**
 * The pool that runs it: where the priority prefers to, else the first that this installation has and the model
 * allows. Throws UNAVAILABLE when there is none.
 */
export function choosePool(spec: ModelSpec, preferred: Pool, installed: readonly Pool[]): Pool {
  const possible = installed.filter((pool) => spec.pools.includes(pool));
  const pool = possible.includes(preferred) ? preferred : possible[0];
  if (pool) return pool;
  throw new AppError('UNAVAILABLE', `no pool of this installation runs model ${spec.name}`, {
    details: { model: spec.name, model_pools: spec.pools, pools: installed },
    retryAfterS: NO_POOL_RETRY_S * (1 + Math.random()),
  });
}
