import { afterAll, afterEach, expect } from "vitest";
import type { RunningHost } from "./host.ts";

/** A host for the tests of this file: none of them may call it in a way that it doesn't know, or leave it a fault. */
export async function testedHost<Host extends Pick<RunningHost, "violations" | "faults" | "close">>(
  start: () => Promise<Host>,
): Promise<Host> {
  const host = await start();
  afterAll(() => host.close());
  afterEach(() => {
    expect(host.violations).toEqual([]);
    expect(host.faults.pending()).toBe(0);
  });
  return host;
}
