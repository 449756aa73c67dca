// Original file: proto/dispatch/v1/dispatch.proto


export interface ModelVersion {
  'name'?: (string);
  'version'?: (string);
}

export interface ModelVersion__Output {
  'name': (string);
  'version': (string);
}
