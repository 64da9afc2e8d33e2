import type pg from "pg";

const GOODBYE_MS = 1_000;

/**
 * Ends a session of its own. The driver says goodbye and waits until the server has hung up, without a limit unless a
 * question is open: on a line that died unnoticed that takes minutes, so after a while we hang up ourselves. Never fails.
 */
export async function endSession(client: pg.Client): Promise<void> {
  const hangUp = setTimeout(() => client.connection.stream.destroy(), GOODBYE_MS);
  await client.end().catch(() => {});
  clearTimeout(hangUp);
}
