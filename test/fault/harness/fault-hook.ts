import { subscribe } from "node:diagnostics_channel";

/**
 * Preloaded into a service (`node --import`).
 * FAILPOINTS is a list of `name:nth:act`: when the moment `name` is reached for the nth time, the process kills or
 * freezes itself right there. CLOCK_OFFSET_MS makes its clock wrong.
 */
const ACTS = { kill: "SIGKILL", stop: "SIGSTOP" } as const;

for (const plan of (process.env["FAILPOINTS"] ?? "").split(",").filter(Boolean)) {
  const [name, nth, act] = plan.split(":") as [string, string, keyof typeof ACTS];
  let left = Number(nth);
  subscribe(`warehouse:${name}`, () => {
    left -= 1;
    if (left === 0) process.kill(process.pid, ACTS[act]);
  });
}

const offset = Number(process.env["CLOCK_OFFSET_MS"] ?? 0);
if (offset !== 0) {
  const RightDate = Date;
  globalThis.Date = class WrongDate extends RightDate {
    constructor(...parts: unknown[]) {
      super(...((parts.length === 0 ? [RightDate.now() + offset] : parts) as []));
    }
    static override now(): number {
      return RightDate.now() + offset;
    }
  } as DateConstructor;
}
