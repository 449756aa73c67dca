import { AppError } from '@frontier/contracts/errors';

export interface SshAccess {
  /** Private key without a passphrase, readable by us alone. */
  keyFile: string;
  /** Host keys that are believed, in the format of `known_hosts`. */
  knownHostsFile: string;
}

export interface HttpAccess {
  username: string;
  /** Read by `git` at each call, so that it may be replaced while we run. */
  passwordFile: string;
  /** Certificates that are believed instead of the system's. */
  caFile?: string | undefined;
}

/** Where the repository is and how we may enter. Secrets are files: none is in an argument, a URL or a log line. */
export interface Remote {
  /** `https://…`, `http://…`, `ssh://…`, `user@host:path`, `file:///…` or an absolute path. */
  url: string;
  ssh?: SshAccess | undefined;
  http?: HttpAccess | undefined;
}

const SCP_LIKE = /^[A-Za-z0-9._-]+@[A-Za-z0-9][A-Za-z0-9.-]*:[A-Za-z0-9./_~][\w./~-]*$/;
const BRANCH = /^(?!.*(?:\.\.|\/\/|\/\.|\.lock(?:\/|$)))[A-Za-z0-9][A-Za-z0-9._/-]{0,126}[A-Za-z0-9_-]$|^[A-Za-z0-9]$/; // prettier-ignore

/** Throws INVALID_INPUT for what `git` could take for an option, a command or a secret. */
export function checkRemote({ url }: Remote, branch: string): void {
  if (!BRANCH.test(branch)) throw new AppError('INVALID_INPUT', 'git: not a name of a branch');
  if (!isSafeUrl(url))
    throw new AppError('INVALID_INPUT', 'git: the remote must be https://…, http://…, ssh://…, user@host:path, file:///… or an absolute path, without a password'); // prettier-ignore
}

function isSafeUrl(url: string): boolean {
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  if (url.length > 1000 || /[\s\u0000-\u001f\u007f]/.test(url)) return false;
  if (url.startsWith('/') || SCP_LIKE.test(url)) return true;
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (!parsed || parsed.password !== '') return false;
  if (parsed.protocol === 'file:') return parsed.host === '';
  if (parsed.hostname.startsWith('-') || parsed.hostname === '') return false;
  if (parsed.protocol === 'ssh:') return /^[A-Za-z0-9._]*$/.test(parsed.username);
  return (parsed.protocol === 'https:' || parsed.protocol === 'http:') && parsed.username === '';
}

/** Asks for the name first, then for the password. */
export const ASKPASS = `#!/bin/sh
case "$1" in
Username*) printf '%s\\n' "$FRONTIER_GIT_USERNAME" ;;
*) cat "$FRONTIER_GIT_PASSWORD_FILE" ;;
esac
`;

/** Environment and settings of `git` for a remote; `askpass`: where the script {@link ASKPASS} lies. */
export function access(
  { ssh, http }: Remote,
  askpass: string,
): { env: Record<string, string>; config: Record<string, string> } {
  // prettier-ignore
  const env: Record<string, string> = {};
  if (ssh) env['GIT_SSH_COMMAND'] = sshCommand(ssh);
  if (http) {
    env['GIT_ASKPASS'] = askpass;
    env['FRONTIER_GIT_USERNAME'] = http.username;
    env['FRONTIER_GIT_PASSWORD_FILE'] = http.passwordFile;
  }
  return { env, config: http?.caFile === undefined ? {} : { 'http.sslCAInfo': http.caFile } };
}

/** Only the given key and host keys count: nothing of the user's own configuration, and no question. */
function sshCommand({ keyFile, knownHostsFile }: SshAccess): string {
  const options = {
    BatchMode: 'yes',
    IdentitiesOnly: 'yes',
    StrictHostKeyChecking: 'yes',
    GlobalKnownHostsFile: '/dev/null',
    UserKnownHostsFile: `"${knownHostsFile}"`,
    ConnectTimeout: '10',
    ServerAliveInterval: '10',
  };
  const words = ['ssh', '-F', '/dev/null', '-i', keyFile, ...Object.entries(options).flatMap(([key, value]) => ['-o', `${key}=${value}`])]; // prettier-ignore
  return words.map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`).join(' ');
}
