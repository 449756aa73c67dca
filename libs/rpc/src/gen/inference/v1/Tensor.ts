// Original file: proto/inference/v1/inference.proto

import type { Long } from '@grpc/proto-loader';

export interface Tensor {
  'name'?: (string);
  'datatype'?: (string);
  'shape'?: (number | string | Long)[];
  'data'?: (Buffer | Uint8Array | string);
}

export interface Tensor__Output {
  'name': (string);
  'datatype': (string);
  'shape': (number)[];
  'data': (Buffer);
}
