import type { TokenChunk } from '@frontier/contracts/request';
import type { RedisClient } from './connection.ts';
import { TOKEN_LOG_MS } from './retention.ts';

const MAX_ENTRIES = 10_000;

/** What a streaming request has said so far, so that a client can resume on any gateway and a re-run on any worker. */
export class TokenLog {
  readonly #redis: RedisClient;

  constructor(redis: RedisClient) {
    this.#redis = redis;
  }

  /** `keepMs`: from now; renewed by every call. */
  async append(key: string, chunks: readonly TokenChunk[], keepMs: number): Promise<void> {
    const transaction = this.#redis.multi();
    for (const chunk of chunks) {
      const { epoch, offset, tokens, text } = chunk;
      transaction.xadd(
        key,
        'MAXLEN',
        '~',
        MAX_ENTRIES,
        '*',
        'c',
        JSON.stringify([epoch, offset, tokens, text]),
      );
    }
    await transaction.pexpire(key, keepMs).exec();
  }

  /** The request has ended: its log stays for late readers, not for long. */
  async end(key: string): Promise<void> {
    await this.#redis.pexpire(key, TOKEN_LOG_MS);
  }

  /** The chunks of the answer in order, each token once; from the first one that holds token `offset` or a later one. */
  async read(key: string, id: string, offset = 0): Promise<TokenChunk[]> {
    const entries = await this.#redis.xrange(key, '-', '+');
    const chunks = entries.map(([, fields]) => {
      const [epoch, at, tokens, text] = JSON.parse(fields[1] ?? '[]') as [number, number, number[], string];
      return { id, epoch, offset: at, tokens, text };
    });
    return newestOf(chunks).filter((chunk) => chunk.offset + chunk.tokens.length > offset);
  }
}

/**
 * The one answer that a log tells: a run of a later epoch goes on at the offset where it says, and what a lost holder
 * of an earlier epoch wrote after it does not count.
 */
export function newestOf(chunks: readonly TokenChunk[]): TokenChunk[] {
  const answer: TokenChunk[] = [];
  let epoch = -1;
  let next = 0;
  for (const chunk of chunks) {
    if (chunk.epoch < epoch || chunk.offset > next) continue;
    if (chunk.epoch > epoch) {
      while (answer.length > 0 && (answer.at(-1) as TokenChunk).offset >= chunk.offset) answer.pop();
      epoch = chunk.epoch;
    } else if (chunk.offset < next) continue;
    answer.push(chunk);
    next = chunk.offset + chunk.tokens.length;
  }
  return answer;
}
