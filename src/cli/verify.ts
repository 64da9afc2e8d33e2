import type { Command } from "commander";
import { verify } from "../use-cases/maintenance/verify.ts";
import { withDatabase } from "./with-database.ts";

export function registerVerify(program: Command): void {
  program
    .command("verify")
    .description("check every law on the live database; exits with 1 when one is broken")
    .action(() =>
      withDatabase(async (db) => {
        const verdicts = await verify(db);
        for (const { number, name, checked, violation_count, violations, duration_ms } of verdicts) {
          const state = violation_count === 0n ? "ok    " : "BROKEN";
          console.log(`${state} law ${number}: ${name} (${checked} checked, ${duration_ms} ms)`);
          for (const violation of violations) console.log(`         ${violation}`);
        }
        if (verdicts.some((verdict) => verdict.violation_count > 0n)) process.exitCode = 1;
      }),
    );
}
