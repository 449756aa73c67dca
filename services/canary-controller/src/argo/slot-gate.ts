import type { Promotions } from '@frontier/git/promotions';
import { applicationSchema, commitsOf, errorOf, faultOf, type Application } from './application.ts';
import type { Kubernetes, KubernetesAnswer } from './kubernetes.ts';
import type { Smoke } from './smoke.ts';

/** Whether the cluster holds what a commit says about a model, and serves it. */
export interface SlotGate {
  /** Why the first call to `version` has to wait; undefined: its slot is ready. Never rejects. */
  waitsFor(proposed: Proposed, signal: AbortSignal): Promise<string | undefined>;
}

export interface Proposed {
  model: string;
  version: string;
  /** That made it the candidate. */
  commit: string;
}

export interface ArgoGateOptions {
  kubernetes: Pick<Kubernetes, 'get'>;
  environments: Pick<Promotions, 'contains'>;
  environment: string;
  /** Where the Applications are. */
  namespace: string;
  /** Name of one; `{environment}` and `{model}` in it are filled in. */
  application: string;
  /** One call that names the version; undefined: none is made. */
  smoke: Smoke | undefined;
}

/** Asks the Argo CD Application of a model, read through the Kubernetes API: nothing in the cluster is changed. */
export class ArgoGate implements SlotGate {
  readonly #options: ArgoGateOptions;

  constructor(options: ArgoGateOptions) {
    this.#options = options;
  }

  async waitsFor(proposed: Proposed, signal: AbortSignal): Promise<string | undefined> {
    const synced = await this.#waitsForSync(proposed, signal);
    return synced ?? (await this.#options.smoke?.faultOf(proposed.model, proposed.version, signal));
  }

  async #waitsForSync({ model, commit }: Proposed, signal: AbortSignal): Promise<string | undefined> {
    const { kubernetes, namespace, application, environment } = this.#options;
    const name = application.replaceAll('{environment}', environment).replaceAll('{model}', model);
    const place = `/apis/argoproj.io/v1alpha1/namespaces/${encodeURIComponent(namespace)}/applications/${encodeURIComponent(name)}`; // prettier-ignore
    try {
      const answer = await kubernetes.get(place, signal);
      const refused = refusalOf(answer);
      const why = refused ?? (await this.#look(answer.body, commit, signal));
      return why && `the Application ${namespace}/${name} ${why}`;
    } catch (error) {
      return `the Application ${namespace}/${name} cannot be looked at: ${(error as Error).message}`;
    }
  }

  async #look(body: unknown, commit: string, signal: AbortSignal): Promise<string | undefined> {
    const parsed = applicationSchema.safeParse(body);
    if (!parsed.success) return 'is not as Argo CD writes one';
    const found = parsed.data;
    const error = errorOf(found);
    if (error !== undefined) return error;
    if (!(await this.#contains(found, commit, signal))) return `has not seen commit ${commit.slice(0, 12)} yet`; // prettier-ignore
    return faultOf(found);
  }

  /** Another model may have committed since: what was synced has to contain the commit, not to be it. */
  async #contains(application: Application, commit: string, signal: AbortSignal): Promise<boolean> {
    for (const revision of commitsOf(application))
      if (await this.#options.environments.contains(revision, commit, signal)) return true;
    return false;
  }
}

function refusalOf({ status }: KubernetesAnswer): string | undefined {
  if (status === 200) return undefined;
  if (status === 404) return 'is not there yet';
  if (status === 401 || status === 403)
    return `may not be read by this service account (${status}): grant it get on this Application`;
  return `cannot be read: the API server answers ${status}`;
}
