// Generations over SSE: `count` clients, each asking for one text after another. Few messages a second, so plain
// node:http is cheap enough.
import http from 'node:http';
import { round } from './load.mjs';

const ANSWER_TIMEOUT_MS = 60_000;

/** One generation: `{firstMs, tokens, text}`; throws what went wrong. */
function generate({ host, port, agent }, body) {
  const start = performance.now();
  return new Promise((resolve, reject) => {
    const headers = { 'Content-Type': 'application/json', Accept: 'text/event-stream' };
    const options = {
      host,
      port,
      agent,
      path: '/v1/infer/stream',
      method: 'POST',
      headers,
      timeout: ANSWER_TIMEOUT_MS,
    };
    const request = http.request(options, (response) => {
      let rest = '';
      let firstMs;
      let text = '';
      let done;
      response.setEncoding('utf8');
      response.on('data', (chunk) => {
        const events = (rest + chunk).split('\n\n');
        rest = events.pop();
        for (const event of events) {
          const name = /^event: ?(.*)$/m.exec(event)?.[1];
          const data = /^data: ?(.*)$/m.exec(event)?.[1];
          if (name === 'token') {
            firstMs ??= performance.now() - start;
            text += JSON.parse(data).text;
          } else if (name === 'done') done = JSON.parse(data);
          else if (name === 'error') reject(new Error(`stream error: ${data}`));
        }
      });
      response.on('end', () => {
        if (response.statusCode !== 200) reject(new Error(`HTTP_${response.statusCode}`));
        else if (!done || firstMs === undefined) reject(new Error('stream ended early'));
        else resolve({ firstMs, tokens: done.usage.completion_tokens, text });
      });
      response.on('error', reject);
    });
    request.on('timeout', () => request.destroy(new Error('NO_ANSWER')));
    request.on('error', reject);
    request.end(body);
  });
}

/**
 * Runs `count` clients until `durationMs` has passed and every begun text is whole. Prompts and seeds repeat, so the
 * same generation is seen in different company: `texts` maps each to its text, `different` counts deviations.
 */
export async function runStreams(
  target,
  { count, prompts, maxNewTokens, warmupMs, durationMs, texts = {} },
  onMeasuring,
) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: count });
  const from = performance.now() + warmupMs;
  const firsts = [];
  const errors = {};
  let tokens = 0;
  let rate = 0;
  let different = 0;
  setTimeout(() => onMeasuring('from'), warmupMs);
  async function client(number) {
    let begun = 0;
    let own = 0;
    for (let turn = number; performance.now() < from + durationMs; turn++) {
      const seed = turn % prompts.length;
      const startedAt = performance.now();
      const params = { max_new_tokens: maxNewTokens, temperature: 0.8, seed };
      const body = JSON.stringify({ model: 'tiny-gpt', prompt: prompts[seed], params });
      try {
        const answer = await generate({ ...target, agent }, body);
        if (answer.text !== (texts[seed] ??= answer.text)) different++;
        if (startedAt < from) continue;
        begun ||= startedAt;
        own += answer.tokens;
        firsts.push(answer.firstMs);
      } catch (error) {
        const code = error.code ?? error.message;
        errors[code] = (errors[code] ?? 0) + 1;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
    tokens += own;
    if (begun) rate += (own * 1000) / (performance.now() - begun);
  }
  await Promise.all(Array.from({ length: count }, (_, i) => client(i)));
  onMeasuring('to');
  agent.destroy();
  firsts.sort((a, b) => a - b);
  const at = (q) => round(firsts[Math.min(firsts.length - 1, Math.floor(q * firsts.length))] ?? NaN);
  return {
    requests: firsts.length,
    failed: Object.values(errors).reduce((sum, n) => sum + n, 0),
    errors,
    tokens,
    tokensPerS: round(rate),
    firstTokenMs: { p50: at(0.5), p95: at(0.95), max: at(1) },
    different,
    texts,
  };
}
