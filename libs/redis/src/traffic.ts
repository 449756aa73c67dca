import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '@frontier/contracts/errors';
import { modelTrafficSchema, type ModelTraffic, type ShadowReport } from '@frontier/contracts/traffic';
import type { RedisClient } from './connection.ts';
import { readShadow } from './traffic-shadow.ts';

/**
 * Hash model -> record, and the channel on which each change is published. The field `*`, which is no model's name,
 * grows with every change.
 */
export const TRAFFIC = 'f:traffic';
/** Beside it, in its slot: what each process obeys, and when it said so. */
const SEEN = `{${TRAFFIC}}:seen`;
const ALIVE = `{${TRAFFIC}}:alive`;
/** How long what a process obeys is known after it last said so. */
const SEEN_MS = 3_000;

type Script = (...args: Array<string | number>) => Promise<unknown>;

function script(redis: RedisClient, name: 'traffic-put' | 'traffic-poll', numberOfKeys: number): Script {
  const command = `frontier_${name}`;
  const commands = redis as unknown as Record<string, Script>;
  if (!(command in redis)) {
    // The scripts stay beside the source; the compiled code finds them there, too.
    const lua = readFileSync(join(__dirname, '../src/lua', `${name}.lua`), 'utf8');
    redis.defineCommand(command, { numberOfKeys, lua });
  }
  return (...args) => (commands[command] as Script).call(redis, ...args);
}

/** Undefined for what no store of ours has written: one bad record must not hide the others. */
export function trafficIn(json: string): ModelTraffic | undefined {
  try {
    return modelTrafficSchema.parse(JSON.parse(json));
  } catch {
    return undefined;
  }
}

/** The traffic records as their one writer sees them, for example the controller of rollouts. */
export class TrafficStore {
  readonly #redis: RedisClient;
  readonly #put: Script;

  constructor(redis: RedisClient) {
    this.#redis = redis;
    this.#put = script(redis, 'traffic-put', 1);
  }

  async get(model: string): Promise<ModelTraffic | undefined> {
    const json = await this.#redis.hget(TRAFFIC, model);
    return json === null ? undefined : trafficIn(json);
  }

  async list(): Promise<ModelTraffic[]> {
    const { '*': _version, ...records } = await this.#redis.hgetall(TRAFFIC);
    return Object.values(records).flatMap((json) => trafficIn(json) ?? []);
  }

  /**
   * Writes a record if the one in force has the epoch `expected` (0: there is none), and publishes it. Gives it back
   * with its epoch, which is the next one or the time (Unix ms), whichever is larger. Throws CONFLICT with the record
   * that was found in its details, and INVALID_INPUT for what is no record.
   */
  async put(next: Omit<ModelTraffic, 'epoch'>, expected: number): Promise<ModelTraffic> {
    const parsed = modelTrafficSchema.safeParse({ ...next, epoch: 0 });
    if (!parsed.success) throw new AppError('INVALID_INPUT', parsed.error.message);
    const { epoch, ...rest } = parsed.data;
    const reply = await this.#put(TRAFFIC, next.model, expected, JSON.stringify({ epoch, ...rest }));
    const [done, json] = reply as [number, string];
    const record = json === '' ? undefined : trafficIn(json);
    if (done === 1 && record) return record;
    throw new AppError('CONFLICT', `the traffic of ${next.model} was changed meanwhile: read it and decide again`, { details: { expected, found: record?.epoch ?? 0 } }); // prettier-ignore
  }

  /**
   * The epoch of this model's record that each named process obeys (0: it knows none), of those that were heard of in
   * the last seconds. Who is not among them has lost Redis: after a second it sends everything to stable by itself.
   */
  async confirmed(model: string): Promise<Record<string, number>> {
    const seen = await this.#redis.hgetall(SEEN);
    return Object.fromEntries(
      Object.entries(seen).map(([name, json]) => [name, (JSON.parse(json) as Record<string, number>)[model] ?? 0]), // prettier-ignore
    );
  }

  /** What the gateways have found about a shadow. */
  shadow(id: string): Promise<ShadowReport> {
    return readShadow(this.#redis, id);
  }
}

/** Asks for what is new since `known`, and says under `name` which epochs are obeyed. */
export function trafficPoll(
  redis: RedisClient,
): (known: string, name: string, epochs: string) => Promise<{ version: string; records: ModelTraffic[] }> {
  const poll = script(redis, 'traffic-poll', 3);
  return async (known, name, epochs) => {
    const reply = await poll(TRAFFIC, SEEN, ALIVE, known, name, epochs, SEEN_MS);
    const [version, fields = []] = reply as [string, string[]?];
    const records = fields.flatMap((json, i) => (i % 2 === 1 && fields[i - 1] !== '*' && trafficIn(json)) || []); // prettier-ignore
    return { version, records };
  };
}
