import { Code, ConnectError } from "@connectrpc/connect";
import type { Patience } from "../db/patience.ts";

/** A unary call ends after this long, whatever its caller allows: a handler that hangs must not hang for ever. */
const MAX_UNARY_MS = 30_000;
/**
 * The deadline of a unary call that has none. Longer than each of the database's own limits (db/database.ts), so that
 * its caller hears what was wrong and that he may try again, instead of merely that time is up.
 */
const DEFAULT_UNARY_MS = 10_000;

/** How long a call's caller waits. */
export interface Waiting {
  /** Unix milliseconds; Infinity when the caller set none. */
  deadline: number;
  /** Registers what to do when the caller has gone; `late`: because his time was over, by the transport's own timer. */
  onCancel(listener: (late: boolean) => void): void;
}

/** The handler's answer, or an error as soon as nobody waits for it any more; its signal tells the handler so. */
export function withinDeadline<T>(incoming: Waiting, run: (patience: Patience) => Promise<T>): Promise<T> {
  const deadline = unaryDeadline(incoming);
  const limit = deadline - Date.now();
  if (limit <= 0) return Promise.reject(deadlineExceeded());
  const controller = new AbortController();
  return new Promise((resolve, reject) => {
    const end = (error: ConnectError) => {
      controller.abort(error);
      reject(error);
    };
    const timer = setTimeout(() => end(deadlineExceeded()), limit);
    // A transport may notice the deadline before our timer does.
    incoming.onCancel((late) =>
      end(late || Date.now() >= incoming.deadline ? deadlineExceeded() : callerGone()),
    );
    run({ deadline, signal: controller.signal })
      .then(resolve, reject)
      .finally(() => clearTimeout(timer));
  });
}

function unaryDeadline({ deadline }: Waiting): number {
  if (deadline === Number.POSITIVE_INFINITY) return Date.now() + DEFAULT_UNARY_MS;
  return Math.min(deadline, Date.now() + MAX_UNARY_MS);
}

function deadlineExceeded(): ConnectError {
  return new ConnectError(
    "the call was not done before its deadline; a repetition with the same request_id is safe",
    Code.DeadlineExceeded,
  );
}

export function callerGone(): ConnectError {
  return new ConnectError("the caller has gone", Code.Canceled);
}
