import type { Pool } from '@frontier/contracts/queue';
import type { WorkerStream } from '@frontier/rpc/dispatch-server';
import type { Register__Output } from '@frontier/rpc/gen/dispatch/v1/Register';

/** What one worker can do with one model version. */
export interface Offer {
  credits: number;
  /** Batches (sequences) that it has. */
  underWay: number;
  /** Batches that compute at once; what it has beyond them waits there. */
  instances: number;
}

/** A worker that is connected: what it offers and what it has. */
export class WorkerLink {
  readonly stream: WorkerStream;
  readonly offers = new Map<string, Offer>();
  id = '';
  pool: Pool = 'cpu';
  draining = false;

  constructor(stream: WorkerStream) {
    this.stream = stream;
  }

  /** A registration tells the whole set of models; credits that it had given for those that stay remain. */
  register(message: Register__Output): void {
    this.id = message.worker_id;
    this.pool = message.pool === 'gpu' ? 'gpu' : 'cpu';
    const names = new Set<string>();
    for (const { name, version, instances } of message.models) {
      const key = `${name}@${version}`;
      names.add(key);
      const known = this.offers.get(key);
      if (known) known.instances = instances;
      else this.offers.set(key, { credits: 0, underWay: 0, instances: Math.max(instances, 1) });
    }
    for (const key of this.offers.keys()) if (!names.has(key)) this.offers.delete(key);
  }

  grant(key: string, count: number): void {
    const offer = this.offers.get(key);
    if (offer) offer.credits += count;
  }

  /** One batch (sequence) less to give, one more that it has. */
  take(key: string): void {
    const offer = this.offers.get(key) as Offer;
    offer.credits -= 1;
    offer.underWay += 1;
  }

  /** It has ended; its credit is back. */
  give(key: string): void {
    const offer = this.offers.get(key);
    if (!offer) return;
    offer.credits += 1;
    offer.underWay -= 1;
  }
}

/** All workers that are connected. */
export class WorkerPool {
  readonly #links = new Set<WorkerLink>();

  add(link: WorkerLink): void {
    this.#links.add(link);
  }

  delete(link: WorkerLink): void {
    this.#links.delete(link);
  }

  get links(): ReadonlySet<WorkerLink> {
    return this.#links;
  }

  /** The worker with a credit for this model that has least to do with it; `idle`: it would compute at once. */
  pick(key: string): { link: WorkerLink; idle: boolean } | undefined {
    let best: WorkerLink | undefined;
    let least = Infinity;
    for (const link of this.#links) {
      const offer = link.offers.get(key);
      if (!offer || offer.credits < 1 || link.draining) continue;
      const load = offer.underWay / offer.instances;
      if (load < least) {
        least = load;
        best = link;
      }
    }
    return best && { link: best, idle: least < 1 };
  }

  credits(key: string): number {
    let credits = 0;
    for (const link of this.#links) if (!link.draining) credits += link.offers.get(key)?.credits ?? 0;
    return credits;
  }

  serves(key: string): boolean {
    for (const link of this.#links) if (!link.draining && link.offers.has(key)) return true;
    return false;
  }
}
