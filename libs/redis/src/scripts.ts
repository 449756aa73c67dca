import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RedisClient } from './connection.ts';
import type { ShardKeys } from './keys.ts';

const NAMES = [
  'admit',
  'claim',
  'handover',
  'bury',
  'commit',
  'publish',
  'settle',
  'sweep',
  'attach',
  'detach',
  'letter-keep',
  'letter-claim',
  'letter-drop',
] as const;
type ScriptName = (typeof NAMES)[number];

export type Argument = string | number | Buffer;

// The scripts stay beside the source; the compiled code finds them there, too.
const FOLDER = join(__dirname, '../src/lua');
const read = (name: string) => readFileSync(join(FOLDER, `${name}.lua`), 'utf8');

/** Calls a script of `lua/` on the keys of a shard. By its digest; the text travels once a server. */
export class ShardScripts {
  readonly #redis: RedisClient;
  readonly #keys: ShardKeys;

  constructor(redis: RedisClient, keys: ShardKeys) {
    this.#redis = redis;
    this.#keys = keys;
    if (!('frontier_admit' in redis)) {
      const lib = read('lib');
      for (const name of NAMES) {
        redis.defineCommand(`frontier_${name}`, { numberOfKeys: 3, lua: `${lib}\n${read(name)}` });
      }
    }
  }

  call(name: ScriptName, args: Argument[]): Promise<unknown> {
    const { outstanding, bytes, settled, prefix } = this.#keys;
    const commands = this.#redis as unknown as Record<string, (...a: Argument[]) => Promise<unknown>>;
    const command = commands[`frontier_${name}`] as (...a: Argument[]) => Promise<unknown>;
    return command.call(this.#redis, outstanding, bytes, settled, prefix, ...args);
  }
}
