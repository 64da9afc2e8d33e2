/** The database is gone, going, coming back, full, or has no connection left: a while later it may serve again. */
const STATES =
  /^(08...|57P0[1-5]|53...|57014|25006|25P0[34]|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)$/;

/** node-postgres has no codes for these. */
const TEXTS =
  /timeout exceeded when trying to connect|Connection terminated|Query read timeout|Client was closed|Client has encountered a connection error|connection has been discarded|after calling end on the pool|driver has already been destroyed/i;

/** The server's own limits on what is asked and on pauses within, and a question that was never answered. */
const TOO_SLOW = /^(57014|25P03)$/;
const SILENT = /Query read timeout/i;

/** Out of reach for one question: that may be the database's fault, or it was too much to ask. */
export function isTooSlow(error: unknown): boolean {
  return TOO_SLOW.test(sqlState(error)) || (error instanceof Error && SILENT.test(error.message));
}

/** Whether it was the database, or the way to it, and not what was asked of it. */
export function isOutOfReach(error: unknown): boolean {
  return STATES.test(sqlState(error)) || (error instanceof Error && TEXTS.test(error.message));
}

/** The SQLSTATE, or the system's name for what is wrong with the connection; empty when it has neither. */
export function sqlState(error: unknown): string {
  return typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";
}
