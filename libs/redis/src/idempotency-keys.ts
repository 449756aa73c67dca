import { AppError } from '@frontier/contracts/errors';
import type { Shard } from '@frontier/contracts/queue';
import { shardOfId } from '@frontier/contracts/queue';
import type { NewRequest } from '@frontier/contracts/request';
import { failpoint } from '@frontier/kit/failpoint';
import type { RedisClient } from './connection.ts';
import { idempotencyKey, refOf, ShardKeys } from './keys.ts';
import { KEPT_RESULT_MS } from './retention.ts';

/** How long the key of a request that was refused is remembered: for as long as its caller was told to wait at most. */
const REFUSED_KEY_MS = 60_000;

/** What idempotency keys stand for: the id of the request that first came with each, and the hash of its body. */
export class IdempotencyKeys {
  readonly #redis: RedisClient;

  constructor(redis: RedisClient) {
    this.#redis = redis;
  }

  /** The id that the request's key stands for: its own, or that of the first one. Throws CONFLICT for another body. */
  async claim(request: NewRequest, { key, bodyHash }: { key: string; bodyHash: string }): Promise<string> {
    await failpoint('gateway.key.before', request.id);
    const mine = `${request.id} ${bodyHash}`;
    const name = idempotencyKey(request.tenant, key);
    const earlier = await this.#redis.set(name, mine, 'PX', KEPT_RESULT_MS, 'NX', 'GET');
    await failpoint('gateway.key.after', request.id);
    const [id, hash] = (earlier ?? mine).split(' ');
    if (hash === bodyHash) return id as string;
    throw new AppError('CONFLICT', 'this Idempotency-Key was used with another request', {
      details: { header: 'Idempotency-Key', hint: 'use a new key for a new request' },
    });
  }

  /** A request was enqueued under the id of an earlier one, which was refused and may just be shortening its key. */
  async keep({ tenant, idempotency }: NewRequest): Promise<void> {
    if (idempotency) await this.#redis.pexpire(idempotencyKey(tenant, idempotency.key), KEPT_RESULT_MS);
  }

  /**
   * The request was refused: its key would fill Redis for nothing. It is not freed: somebody else may just have been
   * admitted under the same id, and would be executed again by who repeats the key. So whoever finds a record after
   * the shortening, or writes one (`keep`), makes it long again.
   */
  async shorten({ id, tenant, idempotency }: NewRequest): Promise<void> {
    if (!idempotency) return;
    const name = idempotencyKey(tenant, idempotency.key);
    const keys = new ShardKeys(shardOfId(id) as Shard);
    const ref = refOf(tenant, id);
    await this.#redis.pexpire(name, REFUSED_KEY_MS);
    const found = await this.#redis.exists(keys.recordPrefix + ref, keys.terminalPrefix + ref);
    if (found > 0) await this.#redis.pexpire(name, KEPT_RESULT_MS);
  }
}
