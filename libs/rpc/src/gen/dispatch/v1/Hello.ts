// Original file: proto/dispatch/v1/dispatch.proto


export interface Hello {
  'gateway_id'?: (string);
}

export interface Hello__Output {
  'gateway_id': (string);
}
