/** What the process ends with; `docs/control.md` has the table. */
export const EXIT = {
  ok: 0,
  /** Refused or failed; the message says why. */
  failed: 1,
  usage: 2,
  unknown: 3,
  /** The key is missing, unknown, or its role is not enough. */
  forbidden: 4,
  /** The service cannot be reached or is not able to answer now: trying again may help. */
  away: 5,
  /** What was looked at is not as it should be: a gate that did not pass, a replay that differs, a broken chain. */
  negative: 6,
  config: 78,
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** An end that a person is told about in one line. */
export class CliError extends Error {
  readonly exit: ExitCode;

  constructor(exit: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exit = exit;
  }
}
