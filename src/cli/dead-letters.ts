import type { Command } from "commander";
import type { Database } from "../db/database.ts";
import { findDeadLetter, listDeadLetters } from "../db/dead-letters.ts";
import type { Call } from "../db/idempotency.ts";
import { DomainError } from "../domain/errors.ts";
import { discardDeadLetter, redriveDeadLetters } from "../use-cases/maintenance/dead-letters.ts";
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
        const letter = /^\d{1,18}$/.test(id) ? await findDeadLetter(db, BigInt(id)) : undefined;
        if (letter) console.log(JSON.stringify({ ...letter, id: String(letter.id) }, null, 2));
        else {
          console.error(`no dead letter ${id}`);
          process.exitCode = 1;
        }
      }),
    );
  dlq
    .command("redrive <id...>")
    .description("put them back on their streams, under their own event ids")
    .action((ids: string[]) =>
      change(ids, async (db, numbers) => {
        const { redriven } = await redriveDeadLetters(db, fromHere("RedriveDeadLetters"), numbers);
        console.log(`${redriven} of ${numbers.length} put back`);
      }),
    );
  dlq
    .command("discard <id...>")
    .description("put them aside for good")
    .action((ids: string[]) =>
      change(ids, async (db, numbers) => {
        for (const id of numbers) await discardDeadLetter(db, fromHere("DiscardDeadLetter"), id);
        console.log(`${numbers.length} discarded`);
      }),
    );
}

/** Whoever may open the database may do this; it is not repeated, so it needs no request id. */
function fromHere(method: string): Call {
  return { principal: "cli", method, bodyHash: new Uint8Array() };
}

async function change(
  ids: readonly string[],
  work: (db: Database, ids: bigint[]) => Promise<void>,
): Promise<void> {
  const wrong = ids.find((id) => !/^[1-9]\d{0,17}$/.test(id));
  try {
    if (wrong !== undefined) throw new DomainError("DEAD_LETTER_NOT_FOUND", `no dead letter ${wrong}`);
    await withDatabase((db) => work(db, ids.map(BigInt)));
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
