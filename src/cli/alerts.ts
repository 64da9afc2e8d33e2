import type { Command } from "commander";
import { listAlerts } from "../use-cases/maintenance/alerts.ts";
import { withDatabase } from "./with-database.ts";

/** For monitoring by exit code. */
const FIRING = 1;

export function registerAlerts(program: Command): void {
  program
    .command("alerts")
    .description(
      "what the data says somebody has to look at, a line each, the most severe first; exit code 1 when there is any",
    )
    .action(() =>
      withDatabase(async (db) => {
        const alerts = await listAlerts({ db });
        for (const { severity, name, since, summary } of alerts)
          console.log(`${severity}\t${name}\t${since.toISOString()}\t${summary}`);
        if (alerts.length > 0) process.exitCode = FIRING;
      }),
    );
}
