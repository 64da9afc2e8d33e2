/** Runs something in a process whose clock is wrong by so much: everybody else's is right. */
export async function withClockOff<T>(ms: number, run: () => Promise<T>): Promise<T> {
  const RealDate = globalThis.Date;
  class WrongDate extends RealDate {
    constructor(...given: [] | [number]) {
      super(...((given.length === 0 ? [WrongDate.now()] : given) as [number]));
    }

    static override now(): number {
      return RealDate.now() + ms;
    }

    static override [Symbol.hasInstance](value: unknown): boolean {
      return value instanceof RealDate;
    }
  }
  globalThis.Date = WrongDate as DateConstructor;
  try {
    return await run();
  } finally {
    globalThis.Date = RealDate;
  }
}
