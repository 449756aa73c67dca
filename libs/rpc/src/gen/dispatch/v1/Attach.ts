// Original file: proto/dispatch/v1/dispatch.proto


export interface Attach {
  'id'?: (string);
}

export interface Attach__Output {
  'id': (string);
}
