import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Failpoint } from "../../src/failpoint.ts";

/** Does this at the very moment, once, before anything else happens in this process. Settles when it was done. */
export function atFailpoint(name: Failpoint, mishap: () => void): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const reached = () => {
    unsubscribe(`warehouse:${name}`, reached);
    mishap();
    resolve();
  };
  subscribe(`warehouse:${name}`, reached);
  return promise;
}
