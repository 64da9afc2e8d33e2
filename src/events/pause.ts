/** Waiting that a stop cuts short. */
export interface Pause {
  readonly stopped: boolean;
  for(ms: number): Promise<void>;
  stop(): void;
}

export function interruptiblePause(): Pause {
  let stopped = false;
  let wake = () => {};
  return {
    get stopped() {
      return stopped;
    },
    for: (ms) =>
      new Promise((resolve) => {
        const timer = setTimeout(resolve, stopped ? 0 : ms);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      }),
    stop() {
      stopped = true;
      wake();
    },
  };
}
