import { setTimeout as delay } from "node:timers/promises";

/** Asks again every 20 ms until the answer is true; false when the deadline comes first. */
export async function waitUntil(
  condition: () => boolean | Promise<boolean>,
  deadlineMs: number,
): Promise<boolean> {
  const deadline = Date.now() + deadlineMs;
  while (!(await condition())) {
    if (Date.now() > deadline) return false;
    await delay(20);
  }
  return true;
}
