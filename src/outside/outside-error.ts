/** `not_sent`: surely nothing was done there. `no_answer`: it may have been done. */
export type OutsideFailure = "not_sent" | "no_answer";

/** There is no answer. Whatever the host does answer, also a 500, is an `OutsideAnswer`. */
export class OutsideError extends Error {
  readonly failure: OutsideFailure;
  /** When it is known how long there is no point in trying: the host rests, or its limit is used up. */
  readonly retryAfterSeconds: number | null;

  constructor(
    message: string,
    failure: OutsideFailure,
    { retryAfterSeconds = null, ...options }: ErrorOptions & { retryAfterSeconds?: number | null } = {},
  ) {
    super(message, options);
    this.name = "OutsideError";
    this.failure = failure;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}
