import { AsyncLocalStorage } from "node:async_hooks";

/** For how long somebody waits for what is being done. */
export interface Patience {
  /** Unix milliseconds. */
  deadline: number;
  /** Aborted when he has gone. */
  signal: AbortSignal;
}

const storage = new AsyncLocalStorage<Patience | undefined>();

/** Whatever `run` asks of the database is asked for somebody who waits so long; afterwards it gets no connection. */
export function waitingFor<T>(patience: Patience | undefined, run: () => T): T {
  return storage.run(patience, run);
}

/** Undefined when nobody waits: for loops, jobs and commands. */
export function currentPatience(): Patience | undefined {
  return storage.getStore();
}
