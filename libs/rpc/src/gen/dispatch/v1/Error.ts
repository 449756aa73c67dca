// Original file: proto/dispatch/v1/dispatch.proto


export interface Error {
  'code'?: (string);
  'message'?: (string);
  'transient'?: (boolean);
}

export interface Error__Output {
  'code': (string);
  'message': (string);
  'transient': (boolean);
}
