import { bold } from './console.mjs';
import { which } from './run.mjs';
import { ADMIN_KEY_FILE } from './services.mjs';

const row = (first) => `[[${Array.from({ length: 16 }, (_, i) => first + i).join(',')}]]`;

/** Four calls to paste, for the ports that this start uses. */
export function examples({ http, grpc, control }) {
  const json = `-H 'content-type: application/json'`;
  const call = { model: 'tiny-gpt', prompt: 'Once upon a time', params: { max_new_tokens: '40' } };
  return [
    bold('# HTTP: the sums and differences of two rows of numbers'),
    `curl -s http://localhost:${http}/v1/infer ${json} \\\n` +
      `  -d '{"model":"simple","inputs":{"INPUT0":${row(1)},"INPUT1":${row(101)}}}'`,
    '',
    bold('# Streaming: a text, token by token'),
    `curl -sN http://localhost:${http}/v1/infer/stream ${json} \\\n` +
      `  -d '{"model":"tiny-gpt","prompt":"Once upon a time","params":{"max_new_tokens":40}}'`,
    '',
    bold(which('grpcurl') ? '# gRPC' : '# gRPC (in this folder)'),
    which('grpcurl')
      ? `grpcurl -plaintext -d '${JSON.stringify(call)}' localhost:${grpc} inference.v1.InferenceService/Infer`
      : `node scripts/grpc-call.mjs localhost:${grpc} Infer '${JSON.stringify(call)}'`,
    '',
    bold('# Admin API: who did what (in this folder)'),
    `curl -s http://localhost:${control}/admin/audit -H "authorization: Bearer $(cat ${ADMIN_KEY_FILE})"`,
  ].join('\n');
}
