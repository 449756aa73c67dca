import { elementBytes, type DType } from '@frontier/contracts/tensor';
import { numbersOf } from './numbers.ts';

type BigInteger = 'INT64' | 'UINT64';
type Float = 'FP16' | 'FP32' | 'FP64';
type Integer = Exclude<DType, 'BYTES' | 'BOOL' | BigInteger | Float>;

/** Puts one JSON value at a position; a text says why the data type cannot hold it. */
type Write = (element: unknown, at: number) => string | undefined;

interface NumberWriter {
  /** The elements, little-endian. Meaningless until all are written. */
  data: Uint8Array;
  write: Write;
}

const INTEGERS: Record<Integer, readonly [min: number, max: number]> = {
  INT8: [-128, 127],
  UINT8: [0, 255],
  INT16: [-32_768, 32_767],
  UINT16: [0, 65_535],
  INT32: [-(2 ** 31), 2 ** 31 - 1],
  UINT32: [0, 2 ** 32 - 1],
};

const BIG_INTEGERS: Record<BigInteger, readonly [min: bigint, max: bigint]> = {
  INT64: [-(2n ** 63n), 2n ** 63n - 1n],
  UINT64: [0n, 2n ** 64n - 1n],
};

const FLOATS: Record<Float, number> = { FP16: 65_504, FP32: 3.4028234663852886e38, FP64: Number.MAX_VALUE };

/**
 * Room for `count` elements of a data type, and how JSON values get there. The room is of Node's pool, which begins
 * at multiples of 8: an ArrayBuffer of its own for each small tensor would cost more than filling it.
 */
export function numberWriter(dtype: Exclude<DType, 'BYTES'>, count: number): NumberWriter {
  const data = Buffer.allocUnsafe(count * elementBytes(dtype));
  const target = numbersOf({ dtype, data });
  switch (dtype) {
    case 'BOOL':
      return { data, write: booleans(data) };
    case 'INT64':
    case 'UINT64':
      return { data, write: bigIntegers(target as BigInt64Array, dtype) };
    case 'FP16':
    case 'FP32':
    case 'FP64':
      return { data, write: floats(target as Float64Array, dtype) };
    default:
      return { data, write: integers(target as Int32Array, dtype) };
  }
}

function integers(target: Int32Array, dtype: Integer): Write {
  const [min, max] = INTEGERS[dtype];
  return (element, at) => {
    if (!Number.isInteger(element) || (element as number) < min || (element as number) > max) {
      return `is not an integer of ${dtype}, ${min} to ${max}`;
    }
    target[at] = element as number;
    return undefined;
  };
}

function floats(target: Float64Array, dtype: Float): Write {
  const max = FLOATS[dtype];
  return (element, at) => {
    // Also refuses 1e400, which JSON.parse makes Infinity.
    if (typeof element !== 'number' || !(Math.abs(element) <= max))
      return `is not a finite number of ${dtype}`;
    target[at] = element;
    return undefined;
  };
}

function booleans(target: Uint8Array): Write {
  return (element, at) => {
    if (element !== true && element !== false && element !== 0 && element !== 1) return 'is not a BOOL';
    target[at] = Number(element);
    return undefined;
  };
}

const DECIMAL = /^-?\d{1,20}$/;

/** JSON numbers beyond 2^53 have lost digits before we see them: those come as decimal strings. */
function bigIntegers(target: BigInt64Array, dtype: BigInteger): Write {
  const [min, max] = BIG_INTEGERS[dtype];
  return (element, at) => {
    const exact = typeof element === 'string' ? DECIMAL.test(element) : Number.isSafeInteger(element);
    const integer = exact ? BigInt(element as string | number) : undefined;
    if (integer === undefined || integer < min || integer > max) {
      return `is not an integer of ${dtype} (beyond 2^53: as a decimal string)`;
    }
    target[at] = integer;
    return undefined;
  };
}
