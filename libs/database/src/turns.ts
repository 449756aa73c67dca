interface Waiting {
  who: object;
  go: () => void;
}

/** One at a time, in the order of asking. Who has the turn keeps it until it gives it back. */
export class Turns {
  #holder: object | undefined;
  #waiting: Waiting[] = [];

  /** At once for who has it already. */
  async take(who: object): Promise<void> {
    if (this.#holder === who) return;
    if (this.#holder === undefined) {
      this.#holder = who;
      return;
    }
    await new Promise<void>((go) => void this.#waiting.push({ who, go }));
  }

  holds(who: object): boolean {
    return this.#holder === who;
  }

  giveBack(who: object): void {
    if (this.#holder !== who) return;
    const next = this.#waiting.shift();
    this.#holder = next?.who;
    next?.go();
  }
}
