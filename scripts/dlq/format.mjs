// How `npm run dlq` shows dead letters: as a table for people, as JSON for programs.

const WIDTHS = { id: 44, kind: 10, model: 18, tenant: 14, error: 16, attempts: 8, redrives: 8 };

export const tableHead = () => `${row(Object.keys(WIDTHS))} age`;

export function tableLine(letter, now) {
  const { id, kind, model, tenant, error, attempts } = letter;
  return `${row([id, kind, model, tenant, error.code, attempts, redrivesOf(letter)])} ${ageText(now - letter.diedAt)}`;
}

export function summary(letter, now) {
  const { id, kind, model, version, tenant, error, attempts, diedAt } = letter;
  return {
    id,
    kind,
    model,
    version,
    tenant,
    error_code: error.code,
    attempts,
    redrives: redrivesOf(letter),
    died_at: new Date(diedAt).toISOString(),
    age_s: Math.floor((now - diedAt) / 1000),
  };
}

/** `payloadBytes`: undefined where it was not kept. The payload itself is the tenant's and shown to nobody. */
export function full(letter, payloadBytes, now) {
  const { shard, error, crashes, request } = letter;
  return {
    ...summary(letter, now),
    crashes,
    redrive_of: request.redriveOf,
    priority: shard.priority,
    pool: shard.pool,
    shard: shard.index,
    error,
    mode: request.mode,
    timeout_ms: request.timeoutMs,
    params: request.params,
    payload_bytes: payloadBytes ?? null,
    history: (request.failures ?? []).map(({ at, error: past }) => ({
      at: new Date(at).toISOString(),
      error: past,
    })),
  };
}

/** `facts` as `full` makes them. */
export function page(facts) {
  const lines = {
    id: facts.id,
    kind: facts.kind,
    error: errorText(facts.error),
    model: facts.model && `${facts.model}@${facts.version}`,
    tenant: facts.tenant,
    queue: `${facts.priority}/${facts.pool}, shard ${facts.shard}`,
    died: `${facts.died_at}, ${ageText(facts.age_s * 1000)} ago`,
    attempts: facts.attempts,
    crashes: facts.crashes,
    redrives: facts.redrives,
    ...(facts.redrive_of && { 'redrive of': facts.redrive_of }),
    mode: `${facts.mode}, timeout ${facts.timeout_ms / 1000} s`,
    ...(facts.params && { params: JSON.stringify(facts.params) }),
    payload: facts.payload_bytes === null ? 'not kept: cannot be redriven' : `${facts.payload_bytes} bytes`,
  };
  const text = Object.entries(lines).map(([name, value]) => `${name.padEnd(11)}${plain(value) || '-'}`);
  const past = facts.history.map(({ at, error }) => `  ${at}  ${plain(errorText(error))}`);
  return [...text, ...(past.length > 0 ? ['history', ...past] : [])].join('\n');
}

function errorText({ code, message, details }) {
  return `${code}: ${message}${details ? ` ${JSON.stringify(details)}` : ''}`;
}

function redrivesOf({ request }) {
  return request.redrives ?? 0;
}

function row(cells) {
  return Object.values(WIDTHS)
    .map((width, i) => (plain(cells[i]) || '-').padEnd(width))
    .join(' ');
}

function ageText(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.floor(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3_600)} h` : `${Math.floor(seconds / 86_400)} d`;
}

/** Names and messages come from elsewhere: none of them may move the cursor of a terminal. */
function plain(value) {
  // oxlint-disable-next-line no-control-regex
  return String(value).replace(/[\u0000-\u001f\u007f-\u009f]/g, '?');
}
