// The pod of Redis is deleted while jobs and calls come: who is refused is told when to come back, and whatever was
// accepted has its answer afterwards.
import { sleep } from '../lib/run.mjs';
import { HttpClient, sumCall } from './open-loop.mjs';

const PER_SECOND = 25;
const BEFORE_MS = 5_000;
/** How long it may be away. */
const BACK_MS = 10_000;
const LIMIT_MS = 60_000;
/** All is well again when calls have been answered for so long. */
const WELL_MS = 5_000;

/** `{cluster, namespace, gatewayUrl, say, release?, force?}`; gives `{faults, facts}`. */
export async function redisLoss({
  cluster,
  namespace,
  gatewayUrl,
  say,
  release = 'frontier',
  force = false,
}) {
  const client = new HttpClient(gatewayUrl);
  const load = new MixedLoad(client);
  try {
    load.start();
    await sleep(BEFORE_MS);
    const gone = performance.now();
    load.lastRefusal = gone;
    const how = force ? ['--grace-period=0', '--force'] : ['--timeout=60s'];
    await cluster.kubectl(['delete', 'pod', '-n', namespace, `${release}-redis-0`, ...how]);
    while (performance.now() - load.lastRefusal < WELL_MS && performance.now() - gone < LIMIT_MS) await sleep(200); // prettier-ignore
    await load.stop();
    const awayMs = Math.max(Math.round(load.lastRefusal - gone), 0);
    say(`Redis was away for ${awayMs / 1000} s; ${load.accepted.length} jobs accepted, ${load.answered} calls answered, ${load.refused} refused`); // prettier-ignore
    const faults = [...load.faults, ...(await unanswered(client, load.accepted))];
    if (awayMs > BACK_MS) faults.push(`refusals for ${awayMs} ms, at most ${BACK_MS} are allowed`);
    return { faults, facts: { awayMs, accepted: load.accepted.length, answered: load.answered, refused: load.refused } }; // prettier-ignore
  } finally {
    client.close();
  }
}

/** Jobs and calls in turns. */
class MixedLoad {
  accepted = [];
  answered = 0;
  refused = 0;
  /** When the last call that was refused had been sent. */
  lastRefusal = -Infinity;
  faults = [];
  #client;
  #running = new Set();
  #stopped = false;
  #loop;

  constructor(client) {
    this.#client = client;
  }

  start() {
    this.#loop = this.#run();
  }

  async stop() {
    this.#stopped = true;
    await this.#loop;
    await Promise.all(this.#running);
  }

  async #run() {
    const from = performance.now();
    for (let n = 0; !this.#stopped; n += 1) {
      const wait = from + (n * 1_000) / PER_SECOND - performance.now();
      if (wait > 0) await sleep(wait);
      const call = this.#one(n).finally(() => this.#running.delete(call));
      this.#running.add(call);
    }
  }

  async #one(n) {
    const at = performance.now();
    const job = n % 2 === 0;
    const { body, isRight } = sumCall(n);
    try {
      const answer = await this.#client.call('POST', job ? '/v1/jobs' : '/v1/infer', body);
      if (answer.status === 202) this.accepted.push({ id: answer.body.data.id, isRight });
      else if (answer.status === 200) this.#onAnswer(isRight(answer.body.data.outputs), n);
      else this.#onRefusal(answer, at);
    } catch (error) {
      this.faults.push(`call ${n}: ${error.code ?? error.message}`);
    }
  }

  #onAnswer(right, n) {
    this.answered += 1;
    if (!right) this.faults.push(`call ${n} has a wrong answer`);
  }

  #onRefusal({ status, headers, body }, at) {
    this.refused += 1;
    this.lastRefusal = Math.max(this.lastRefusal, at);
    const told = Number(headers['retry-after']) >= 1;
    if (![429, 503].includes(status) || !told) this.faults.push(`${status} ${body.error?.code} with Retry-After ${headers['retry-after']}: ${body.error?.message}`); // prettier-ignore
  }
}

/** Faults of the accepted jobs that do not get their answer. */
async function unanswered(client, accepted) {
  const faults = [];
  const end = performance.now() + LIMIT_MS;
  let open = accepted;
  while (open.length > 0 && performance.now() < end) {
    const states = await Promise.all(open.map(({ id }) => client.call('GET', `/v1/jobs/${id}`).catch(() => undefined))); // prettier-ignore
    open = open.filter(({ id, isRight }, i) => {
      const state = states[i];
      if (state === undefined || state.status >= 500) return true;
      const data = state.body.data;
      if (state.status === 404) return !faults.push(`the accepted job ${id} is lost`);
      if (data.status === 'processing' || data.status === 'retrying') return true;
      if (data.status !== 'completed') faults.push(`job ${id} ${data.status}: ${data.error?.message}`);
      else if (!isRight(data.result.outputs)) faults.push(`job ${id} has a wrong answer`);
      return false;
    });
    await sleep(500);
  }
  return [...faults, ...open.map(({ id }) => `the accepted job ${id} has no end`)];
}
