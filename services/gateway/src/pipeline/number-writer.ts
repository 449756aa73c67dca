import type { DType } from '@frontier/contracts/tensor';

type NumericType = Exclude<DType, 'BYTES'>;

interface NumberWriter {
  /** The elements, little-endian. */
  data: Uint8Array;
  /** Puts one JSON value at a position; a text says why the data type cannot hold it. */
  write: (element: unknown, at: number) => string | undefined;
}

type NumberArray = Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array | Float16Array | Float32Array | Float64Array; // prettier-ignore

/** Room for `count` elements of a data type, and how JSON values get there. */
export function numberWriter(dtype: NumericType, count: number): NumberWriter {
  switch (dtype) {
    case 'BOOL':
      return booleans(new Uint8Array(count));
    case 'INT8':
      return integers(new Int8Array(count), dtype, -128, 127);
    case 'UINT8':
      return integers(new Uint8Array(count), dtype, 0, 255);
    case 'INT16':
      return integers(new Int16Array(count), dtype, -32_768, 32_767);
    case 'UINT16':
      return integers(new Uint16Array(count), dtype, 0, 65_535);
    case 'INT32':
      return integers(new Int32Array(count), dtype, -(2 ** 31), 2 ** 31 - 1);
    case 'UINT32':
      return integers(new Uint32Array(count), dtype, 0, 2 ** 32 - 1);
    case 'INT64':
      return bigIntegers(new BigInt64Array(count), dtype, -(2n ** 63n), 2n ** 63n - 1n);
    case 'UINT64':
      return bigIntegers(new BigUint64Array(count), dtype, 0n, 2n ** 64n - 1n);
    case 'FP16':
      return floats(new Float16Array(count), dtype, 65_504);
    case 'FP32':
      return floats(new Float32Array(count), dtype, 3.4028234663852886e38);
    case 'FP64':
      return floats(new Float64Array(count), dtype, Number.MAX_VALUE);
  }
}

function bytesOf(array: NumberArray | BigInt64Array | BigUint64Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

function integers(target: NumberArray, dtype: DType, min: number, max: number): NumberWriter {
  const reason = `is not an integer of ${dtype}, ${min} to ${max}`;
  return {
    data: bytesOf(target),
    write(element, at) {
      if (!Number.isInteger(element) || (element as number) < min || (element as number) > max) return reason;
      target[at] = element as number;
      return undefined;
    },
  };
}

function floats(target: NumberArray, dtype: DType, max: number): NumberWriter {
  const reason = `is not a finite number of ${dtype}`;
  return {
    data: bytesOf(target),
    write(element, at) {
      // Also refuses 1e400, which JSON.parse makes Infinity.
      if (typeof element !== 'number' || !(Math.abs(element) <= max)) return reason;
      target[at] = element;
      return undefined;
    },
  };
}

function booleans(target: Uint8Array): NumberWriter {
  return {
    data: target,
    write(element, at) {
      if (element !== true && element !== false && element !== 0 && element !== 1) return 'is not a BOOL';
      target[at] = Number(element);
      return undefined;
    },
  };
}

const DECIMAL = /^-?\d{1,20}$/;

/** JSON numbers beyond 2^53 have lost digits before we see them: those come as decimal strings. */
function bigIntegers(
  target: BigInt64Array | BigUint64Array,
  dtype: DType,
  min: bigint,
  max: bigint,
): NumberWriter {
  const reason = `is not an integer of ${dtype} (beyond 2^53: as a decimal string)`;
  return {
    data: bytesOf(target),
    write(element, at) {
      const exact = typeof element === 'string' ? DECIMAL.test(element) : Number.isSafeInteger(element);
      if (!exact) return reason;
      const integer = BigInt(element as string | number);
      if (integer < min || integer > max) return reason;
      target[at] = integer;
      return undefined;
    },
  };
}
