// Original file: proto/dispatch/v1/dispatch.proto


export interface ModelOffer {
  'name'?: (string);
  'version'?: (string);
  'capacity'?: (number);
  'instances'?: (number);
  'provider'?: (string);
}

export interface ModelOffer__Output {
  'name': (string);
  'version': (string);
  'capacity': (number);
  'instances': (number);
  'provider': (string);
}
