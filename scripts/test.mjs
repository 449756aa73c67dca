// `npm test`: sets up, then jest. Arguments go to jest: `npm test -- libs/kit -t name`.
import { join } from 'node:path';
import { attach, bin, node, report, root } from './lib/run.mjs';
import { setUp } from './setup.mjs';

/**
 * V8 compiles a wrapper for what WebAssembly calls often, and has aborted a test process when it freed one
 * (`Check failed: jit_page.has_value()` under `Runtime_TierUpWasmToJSWrapper`; compare nodejs/node#64500). Here dozens of
 * embedded databases come and go in one process, where a service has one. jest hands the flag on to its processes.
 */
const NO_WRAPPERS = '--wasm-wrapper-tiering-budget=2147483647';

async function test() {
  // Tests start servers of their own on free ports: REDIS_URL is never touched.
  delete process.env.REDIS_URL;
  const { binary } = await setUp();
  const env = { ...process.env, ...(binary && { FRONTIER_REDIS_SERVER: binary }) };
  env.PATH = `${bin}:${env.PATH}`;
  const jest = join(root, 'node_modules/jest/bin/jest.js');
  return attach(node, [NO_WRAPPERS, jest, ...process.argv.slice(2)], { env });
}

test().then((code) => process.exit(code), report);
