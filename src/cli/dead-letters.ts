import type { Command } from "commander";
import { findDeadLetter, listDeadLetters } from "../db/dead-letters.ts";
import { withDatabase } from "./with-database.ts";

const SHOWN = 1000;

export function registerDeadLetters(program: Command): void {
  const dlq = program.command("dlq").description("messages that could not be processed");
  dlq
    .command("list")
    .description("the open ones, a line each")
    .action(() =>
      withDatabase(async (db) => {
        for (const letter of await listDeadLetters(db, { statuses: ["open"] }, { size: SHOWN, after: 0n }))
          console.log(
            `${letter.id}\t${letter.stream}\t${letter.entry_id}\t${letter.event_type}\t${letter.reason}`,
          );
      }),
    );
  dlq
    .command("show <id>")
    .description("one, whole")
    .action((id: string) =>
      withDatabase(async (db) => {
        const letter = /^\d+$/.test(id) ? await findDeadLetter(db, BigInt(id)) : undefined;
        if (letter) console.log(JSON.stringify({ ...letter, id: String(letter.id) }, null, 2));
        else {
          console.error(`no dead letter ${id}`);
          process.exitCode = 1;
        }
      }),
    );
}
