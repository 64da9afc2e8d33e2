import { expect } from "vitest";
import type { Database } from "../../src/db/database.ts";
import { DomainError } from "../../src/domain/errors.ts";
import { verify } from "../../src/use-cases/maintenance/verify.ts";

/** What the losers of a race were told. A refusal is a normal answer; anything else is thrown. */
export function reasonsOf(outcomes: readonly PromiseSettledResult<unknown>[]): string[] {
  return outcomes.flatMap((outcome) => {
    if (outcome.status === "fulfilled") return [];
    if (outcome.reason instanceof DomainError) return [outcome.reason.reason];
    throw outcome.reason;
  });
}

/** Every law that an operator can have checked holds. */
export async function expectLaws(db: Database): Promise<void> {
  expect((await verify(db)).filter((verdict) => verdict.violation_count > 0n)).toEqual([]);
}
