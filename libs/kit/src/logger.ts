import { destination, pino, stdTimeFunctions, type DestinationStream, type Level, type Logger } from 'pino';

export type { Logger };

const REDACTED = '[redacted]';

const SECRET_FIELDS = ['authorization', 'apiKey', 'cookie', 'idempotencyKey', 'password', 'prompt', 'secret'];
const SECRET_HEADERS = ['authorization', 'cookie', 'idempotency-key', 'x-api-key'];

const SECRET_PATHS = [
  ...SECRET_FIELDS.flatMap((field) => [field, `*.${field}`]),
  ...SECRET_HEADERS.flatMap((header) => [`headers["${header}"]`, `*.headers["${header}"]`]),
];

/** Secrets in the middle of a text, such as an error message: a password in a URL, a bearer token, an API key. */
const SECRET_TEXT = /(:\/\/[^\s:@/"]*:)[^\s@/"]+(?=@)|(\bBearer\s+)[^\s"\\]+|(\bfrn_[a-z]+_)[\w-]+/gi;

function hideSecrets(line: string): string {
  return line.replace(SECRET_TEXT, (_, url?: string, bearer?: string, key?: string) => {
    return `${url ?? bearer ?? key ?? ''}${REDACTED}`;
  });
}

export interface LoggerOptions {
  service: string;
  level: Level | 'silent';
  /** Where lines go, for tests; standard output without it. */
  stream?: DestinationStream;
}

/**
 * A logger of JSON lines: a constant message with facts as fields. Secrets are hidden by path and by pattern.
 * Lines are written asynchronously (several at once under load) and flushed when the process exits.
 */
export function createLogger({ service, level, stream }: LoggerOptions): Logger {
  return pino(
    {
      level,
      base: { service },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: SECRET_PATHS, censor: REDACTED },
      hooks: { streamWrite: hideSecrets },
    },
    stream ?? destination({ dest: 1, sync: false }),
  );
}
