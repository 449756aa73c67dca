// Original file: proto/dispatch/v1/dispatch.proto


export interface Drain {
}

export interface Drain__Output {
}
