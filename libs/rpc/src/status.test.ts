import { AppError } from '@frontier/contracts/errors';
import { Reader } from 'protobufjs/minimal';
import { statusOf } from './status.ts';

/** Field number → raw values, of one protobuf message. */
function fields(bytes: Uint8Array): Map<number, Array<number | Uint8Array>> {
  const found = new Map<number, Array<number | Uint8Array>>();
  const reader = Reader.create(bytes);
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    const value = (tag & 7) === 2 ? reader.bytes() : reader.uint32();
    found.set(tag >>> 3, [...(found.get(tag >>> 3) ?? []), value]);
  }
  return found;
}

const text = (value: number | Uint8Array | undefined) => Buffer.from(value as Uint8Array).toString();

describe('statusOf', () => {
  it('carries code, details and the delay until a retry', () => {
    const error = new AppError('OVERLOADED', 'the queue is full', {
      details: { queue: 'vip', bound: 100 },
      retryAfterS: 1.5,
    });
    const { code, details, metadata } = statusOf(error, 'req-1');
    expect([code, details]).toEqual([8, 'the queue is full']);
    expect(metadata?.get('error-code')).toEqual(['OVERLOADED']);
    expect(metadata?.get('x-request-id')).toEqual(['req-1']);

    const encoded = fields(metadata?.get('grpc-status-details-bin')[0] as Buffer);
    expect(encoded.get(1)).toEqual([8]);
    expect(text(encoded.get(2)?.[0])).toBe('the queue is full');
    const [info, retry] = (encoded.get(3) ?? []).map((any) => fields(any as Uint8Array));
    expect(text(info?.get(1)?.[0])).toBe('type.googleapis.com/google.rpc.ErrorInfo');
    const errorInfo = fields(info?.get(2)?.[0] as Uint8Array);
    expect([text(errorInfo.get(1)?.[0]), text(errorInfo.get(2)?.[0])]).toEqual(['OVERLOADED', 'frontier']);
    const entries = (errorInfo.get(3) ?? []).map((entry) => fields(entry as Uint8Array));
    expect(entries.map((entry) => [text(entry.get(1)?.[0]), text(entry.get(2)?.[0])])).toEqual([['queue', 'vip'], ['bound', '100']]); // prettier-ignore
    expect(text(retry?.get(1)?.[0])).toBe('type.googleapis.com/google.rpc.RetryInfo');
    const delay = fields(fields(retry?.get(2)?.[0] as Uint8Array).get(1)?.[0] as Uint8Array);
    expect([delay.get(1), delay.get(2)]).toEqual([[1], [500_000_000]]);
  });

  it('says nothing of a retry where there is no delay', () => {
    const { metadata } = statusOf(new AppError('NOT_FOUND', 'no model x'));
    const encoded = fields(metadata?.get('grpc-status-details-bin')[0] as Buffer);
    expect(encoded.get(3)).toHaveLength(1);
    expect(metadata?.get('x-request-id')).toEqual([]);
  });
});
