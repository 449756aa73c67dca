import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const APPLICATION = /^\/apis\/argoproj\.io\/v1alpha1\/namespaces\/([^/]+)\/applications\/([^/]+)$/;

/**
 * A Kubernetes API server as far as reading Applications goes: TLS by an authority of its own, bearer tokens, access by
 * namespace, and a Status object for each refusal. The folder `account` is as the kubelet mounts it.
 */
export class FakeApiServer {
  /** Applications by name. */
  readonly applications = new Map<string, unknown>();
  /** Instead of the usual answer. */
  answer: ((response: ServerResponse) => void) | undefined;
  readonly account: string;
  #token = 'first';
  readonly #namespace: string;
  readonly #server: Server;

  private constructor(namespace: string) {
    this.#namespace = namespace;
    this.account = mkdtempSync(join(tmpdir(), 'frontier-account-'));
    const [key, cert] = [join(this.account, 'key'), join(this.account, 'ca.crt')];
    const subject = ['-subj', '/CN=kubernetes', '-addext', 'subjectAltName=IP:127.0.0.1'];
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', ...subject, '-keyout', key, '-out', cert], { stdio: 'ignore' }); // prettier-ignore
    this.rotate('first');
    this.#server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (request, response) =>
      this.#serve(request, response),
    );
  }

  /** `namespace`: the one that the account may read Applications of. */
  static async start(namespace = 'argocd'): Promise<FakeApiServer> {
    const server = new FakeApiServer(namespace);
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get url(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** From now on only this token counts, and the folder has it. */
  rotate(token: string): void {
    this.#token = token;
    writeFileSync(join(this.account, 'token'), `${token}\n`);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    rmSync(this.account, { recursive: true });
  }

  #serve({ url = '', method, headers }: IncomingMessage, response: ServerResponse): void {
    if (this.answer) return this.answer(response);
    const [, namespace, name] = APPLICATION.exec(url) ?? [];
    const found = name && this.applications.get(name);
    if (headers.authorization !== `Bearer ${this.#token}`) return refuse(response, 401, 'Unauthorized');
    if (method !== 'GET' || namespace !== this.#namespace)
      return refuse(response, 403, `applications.argoproj.io "${name}" is forbidden`);
    if (!found) return refuse(response, 404, `applications.argoproj.io "${name}" not found`);
    send(response, 200, found);
  }
}

function refuse(response: ServerResponse, code: number, message: string): void {
  send(response, code, { kind: 'Status', apiVersion: 'v1', status: 'Failure', message, code });
}

function send(response: ServerResponse, code: number, body: unknown): void {
  response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
