import { isUtf8 } from 'node:buffer';
import { parse } from 'secure-json-parse';
import { invalid } from '../pipeline/invalid.ts';

/** Deeper than any tensor or JSON input of a sane request. */
const MAX_DEPTH = 64;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** A body as JSON. Throws INVALID_INPUT: not UTF-8, not JSON, nested too deep, or with `__proto__` in it. */
export function parseJson(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) throw invalid('the body is not UTF-8');
  if (deeperThan(bytes, MAX_DEPTH)) throw invalid(`the body is nested deeper than ${MAX_DEPTH} levels`, { max_depth: MAX_DEPTH }); // prettier-ignore
  try {
    return parse(bytes.toString()) as unknown;
  } catch (error) {
    throw invalid(`the body is not JSON: ${(error as Error).message}`);
  }
}

/** Before parsing: the parser itself would make an object for each of sixteen million brackets. */
function deeperThan(bytes: Buffer, limit: number): boolean {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (inString) {
      if (byte === BACKSLASH) at += 1;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) inString = true;
    // [ and { differ in one bit only, as do ] and }.
    else if (((byte as number) | 0x20) === 0x7b) depth += 1;
    else if (((byte as number) | 0x20) === 0x7d) depth -= 1;
    if (depth > limit) return true;
  }
  return false;
}
