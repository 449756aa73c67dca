// `npm test`: sets up, then jest. Arguments go to jest: `npm test -- libs/kit -t name`.
import { join } from 'node:path';
import { attach, bin, node, report, root } from './lib/run.mjs';
import { setUp } from './setup.mjs';

async function test() {
  // Tests start servers of their own on free ports: REDIS_URL is never touched.
  delete process.env.REDIS_URL;
  const { binary } = await setUp();
  const env = { ...process.env, ...(binary && { FRONTIER_REDIS_SERVER: binary }) };
  env.PATH = `${bin}:${env.PATH}`;
  return attach(node, [join(root, 'node_modules/jest/bin/jest.js'), ...process.argv.slice(2)], { env });
}

test().then((code) => process.exit(code), report);
