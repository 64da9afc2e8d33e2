interface Chore {
  everyMs: number;
  work: () => Promise<void>;
}

/** Work that comes round by the clock, done between other things by whoever asks. All of it is due at first. */
export class Chores {
  readonly #chores: (Chore & { at: number })[];

  constructor(chores: readonly Chore[]) {
    this.#chores = chores.map((chore) => ({ ...chore, at: 0 }));
  }

  /** When something is due next. */
  get nextAt(): number {
    return Math.min(...this.#chores.map((chore) => chore.at));
  }

  async runDue(): Promise<void> {
    for (const chore of this.#chores) {
      if (Date.now() < chore.at) continue;
      await chore.work();
      chore.at = Date.now() + chore.everyMs;
    }
  }
}
