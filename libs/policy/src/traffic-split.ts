import { WHOLE, type ModelTraffic, type Variant } from '@frontier/contracts/traffic';

type Rollout = NonNullable<ModelTraffic['rollout']>;
type Experiment = NonNullable<ModelTraffic['experiment']>;
type Shadow = NonNullable<ModelTraffic['shadow']>;

export interface Assignment {
  variant: Variant;
  /** Of the same hash, for the test of the split against itself. */
  half: 'a' | 'b';
}

/** Who a call belongs to: all calls of one subject are on one side. A tenant's name has no `|`. */
export function subjectOf(tenant: string, user: string): string {
  return `${tenant}|${user}`;
}

/**
 * The side of a rollout that a subject is on. The canary's slice grows from the bottom and the control's from the
 * top, so they never overlap, and nobody leaves the canary while the share grows.
 */
export function assign({ salt, share }: Pick<Rollout, 'salt' | 'share'>, subject: string): Assignment {
  const hash = hashOf(salt, subject);
  const bucket = hash % WHOLE;
  const control = Math.min(share, WHOLE - share);
  const variant = bucket < share ? 'canary' : bucket >= WHOLE - control ? 'control' : 'stable';
  return { variant, half: hash >>> 31 === 0 ? 'a' : 'b' };
}

/**
 * The arm of an experiment that a subject is in; undefined: none, which stable answers. The arms lie side by side from
 * the bottom; their shares stay as they are for as long as the experiment runs.
 */
export function armOf({ salt, arms }: Experiment, subject: string): Experiment['arms'][number] | undefined {
  const bucket = hashOf(salt, subject) % WHOLE;
  let end = 0;
  return arms.find(({ share }) => bucket < (end += share));
}

/** Whether a call is one of the share that is mirrored. `request`: its id, so that each call is decided anew. */
export function isMirrored({ id, share }: Shadow, request: string): boolean {
  return hashOf(id, request) % WHOLE < share;
}

function hashOf(salt: string, subject: string): number {
  return murmur3(utf8(`${salt}|${subject}`), 0);
}

const encoder = new TextEncoder();
/** An array of its own for each text costs six times as much as all the rest. */
const scratch = new Uint8Array(1024);

/** Good until the next call. */
function utf8(text: string): Uint8Array {
  // Three bytes a character at most.
  if (text.length * 3 > scratch.length) return encoder.encode(text);
  return scratch.subarray(0, encoder.encodeInto(text, scratch).written);
}

/**
 * MurmurHash3, x86, 32 bits (Austin Appleby, public domain), with little-endian blocks. Not against an adversary: who
 * may choose a user id may choose a side.
 */
export function murmur3(bytes: Uint8Array, seed: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const tail = bytes.length & ~3;
  let hash = seed;
  for (let at = 0; at < tail; at += 4) {
    hash ^= scramble(view.getUint32(at, true));
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
  }
  let rest = 0;
  for (let at = bytes.length - 1; at >= tail; at--) rest = (rest << 8) | (bytes[at] as number);
  hash ^= scramble(rest) ^ bytes.length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function scramble(block: number): number {
  const mixed = Math.imul(block, 0xcc9e2d51);
  return Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593);
}
