import { AsyncLocalStorage } from "node:async_hooks";

export interface CallContext {
  /** What calls to the outside are about, such as `shipment:17`. */
  related_id: string;
  /** 1, 2, 3, …: which try of the same job. */
  attempt: number;
  /**
   * On the clock of `performance.now()`: after this moment nothing is sent any more in this context, and no answer is
   * waited for. Whoever holds something for a while only, acts in its name no longer.
   */
  until?: number;
}

const storage = new AsyncLocalStorage<CallContext>();

/** Whatever `run` calls outside is put on record as being about this. */
export function aboutCall<T>(context: CallContext, run: () => Promise<T>): Promise<T> {
  return storage.run(context, run);
}

export function currentCall(): CallContext {
  return storage.getStore() ?? { related_id: "", attempt: 1 };
}
