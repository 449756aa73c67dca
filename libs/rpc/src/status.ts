import { Metadata, type StatusObject } from '@grpc/grpc-js';
import { grpcStatusOf, type AppError } from '@frontier/contracts/errors';
import { Writer } from 'protobufjs/minimal';

const DOMAIN = 'frontier';

/**
 * The gRPC status of an error, as a handler gives it to its callback. The code of our table travels in the metadata
 * `error-code` and, with the details and the delay until a retry, as google.rpc.ErrorInfo and RetryInfo in
 * `grpc-status-details-bin`.
 */
export function statusOf(error: AppError, requestId?: string): Partial<StatusObject> {
  const code = grpcStatusOf(error.code);
  const metadata = new Metadata();
  metadata.set('error-code', error.code);
  if (requestId !== undefined) metadata.set('x-request-id', requestId);
  metadata.set('grpc-status-details-bin', encodeStatus(code, error));
  return { code, details: error.message, metadata };
}

/** google.rpc.Status { int32 code = 1; string message = 2; repeated Any details = 3; } */
function encodeStatus(code: number, error: AppError): Buffer {
  const writer = Writer.create();
  writer.uint32(tag(1, VARINT)).int32(code);
  writer.uint32(tag(2, LENGTH)).string(error.message);
  writeAny(writer, 'google.rpc.ErrorInfo', errorInfo(error));
  if (error.retryAfterS !== undefined) writeAny(writer, 'google.rpc.RetryInfo', retryInfo(error.retryAfterS));
  return Buffer.from(writer.finish());
}

/** google.protobuf.Any { string type_url = 1; bytes value = 2; } as field 3 of Status. */
function writeAny(writer: Writer, type: string, value: Uint8Array): void {
  writer.uint32(tag(3, LENGTH)).fork();
  writer.uint32(tag(1, LENGTH)).string(`type.googleapis.com/${type}`);
  writer.uint32(tag(2, LENGTH)).bytes(value);
  writer.ldelim();
}

/** ErrorInfo { string reason = 1; string domain = 2; map<string, string> metadata = 3; } */
function errorInfo(error: AppError): Uint8Array {
  const writer = Writer.create();
  writer.uint32(tag(1, LENGTH)).string(error.code);
  writer.uint32(tag(2, LENGTH)).string(DOMAIN);
  for (const [key, value] of Object.entries(error.details ?? {})) {
    writer.uint32(tag(3, LENGTH)).fork();
    writer.uint32(tag(1, LENGTH)).string(key);
    writer.uint32(tag(2, LENGTH)).string(typeof value === 'string' ? value : (JSON.stringify(value) ?? ''));
    writer.ldelim();
  }
  return writer.finish();
}

/** RetryInfo { Duration retry_delay = 1; }, Duration { int64 seconds = 1; int32 nanos = 2; } */
function retryInfo(seconds: number): Uint8Array {
  const writer = Writer.create();
  writer.uint32(tag(1, LENGTH)).fork();
  writer.uint32(tag(1, VARINT)).int64(Math.trunc(seconds));
  writer.uint32(tag(2, VARINT)).int32(Math.round((seconds % 1) * 1e9));
  writer.ldelim();
  return writer.finish();
}

const VARINT = 0;
const LENGTH = 2;

function tag(field: number, wireType: number): number {
  return (field << 3) | wireType;
}
