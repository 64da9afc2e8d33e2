import type { Command } from "commander";
import { createLogger } from "../logger.ts";
import { prepareDatabase } from "../start/schema.ts";
import { withDatabase } from "./with-database.ts";

export function registerMigrate(program: Command): void {
  program
    .command("migrate")
    .description("bring the database's schema up to date (serve does it too)")
    .action(() =>
      withDatabase(async (_db, url, config) => {
        await prepareDatabase(url, config, createLogger(config.LOG_LEVEL));
        console.log("the schema is up to date");
      }),
    );
}
