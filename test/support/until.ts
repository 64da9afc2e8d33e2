import { setTimeout as delay } from "node:timers/promises";

const INTERVAL_MS = 15;

/**
 * Waits for something that another process does: asks again until the answer is neither false nor nothing. A probe
 * that throws has not succeeded yet; its last error is told when the deadline passes.
 */
export async function until<T>(
  what: string,
  probe: () => Promise<T | false | undefined | null>,
  deadlineMs = 10_000,
): Promise<T> {
  const start = performance.now();
  for (;;) {
    const outcome = await attempt(probe);
    if (outcome.answer !== false && outcome.answer !== undefined && outcome.answer !== null)
      return outcome.answer;
    if (performance.now() - start > deadlineMs)
      throw new Error(`not within ${deadlineMs} ms: ${what}`, { cause: outcome.error });
    await delay(INTERVAL_MS);
  }
}

async function attempt<T>(probe: () => Promise<T>): Promise<{ answer?: T; error?: unknown }> {
  try {
    return { answer: await probe() };
  } catch (error) {
    return { error };
  }
}
