// Original file: proto/dispatch/v1/dispatch.proto


export interface PackedTensor {
  'name'?: (string);
  'datatype'?: (string);
  'shape'?: (number)[];
  'data'?: (Buffer | Uint8Array | string);
}

export interface PackedTensor__Output {
  'name': (string);
  'datatype': (string);
  'shape': (number)[];
  'data': (Buffer);
}
