interface Entry {
  readers: number;
  onGone: () => void;
  timer: NodeJS.Timeout | undefined;
}

/** Ends a stream's request when nobody has read it for the grace time: a client that lost its connection may come back. */
export class Presence {
  readonly #graceMs: number;
  readonly #entries = new Map<string, Entry>();

  constructor(graceMs: number) {
    this.#graceMs = graceMs;
  }

  /** A reader: the first, another, or the same one again. `onGone` of the first is called at most once. */
  join(id: string, onGone: () => void): void {
    const entry = this.#entries.get(id);
    if (entry) {
      entry.readers += 1;
      clearTimeout(entry.timer);
    } else this.#entries.set(id, { readers: 1, onGone, timer: undefined });
  }

  leave(id: string): void {
    const entry = this.#entries.get(id);
    if (!entry) return;
    entry.readers -= 1;
    if (entry.readers > 0) return;
    entry.timer = setTimeout(() => {
      this.#entries.delete(id);
      entry.onGone();
    }, this.#graceMs);
  }

  /** The request has ended. */
  forget(id: string): void {
    clearTimeout(this.#entries.get(id)?.timer);
    this.#entries.delete(id);
  }

  /** Nothing is ended any more: clients of a gateway that stops resume elsewhere. */
  stop(): void {
    for (const { timer } of this.#entries.values()) clearTimeout(timer);
    this.#entries.clear();
  }
}
