import { type Command, Option } from "commander";
import type { Database } from "../db/database.ts";
import { type DeadLetterFilter, findDeadLetter, listDeadLetters } from "../db/dead-letters.ts";
import { type DeadLetterStatus, deadLetterMachine } from "../domain/dead-letter.ts";
import {
  deadLetterNotFound,
  discardDeadLetter,
  MAX_REDRIVEN,
  redriveDeadLetters,
  redriveMatching,
} from "../use-cases/maintenance/dead-letters.ts";
import { callFromHere, idOf, SHOWN, sayingWhy, usage } from "./operator-command.ts";
import { withDatabase } from "./with-database.ts";

interface FilterOptions {
  stream?: string;
  type?: string;
  reason?: string;
}

/** Those that are named, or those that a filter finds. */
type Wanted = { ids: bigint[] } | { filter: DeadLetterFilter };

export function registerDeadLetters(program: Command): void {
  const dlq = program.command("dlq").description("messages that could not be processed");
  filtered(dlq.command("list").description("a line each, the newest first"))
    .addOption(new Option("--status <status>").choices(deadLetterMachine.statuses).default("open"))
    .action(list);
  dlq.command("show <id>").description("one, whole, with its trace").action(show);
  filtered(
    dlq.command("redrive [id...]").description("put them back on their streams, under their own event ids"),
  )
    .option("--all", "every open one")
    .option(
      "--limit <number>",
      `with a filter: the oldest so many, at most ${MAX_REDRIVEN}`,
      String(MAX_REDRIVEN),
    )
    .action(redrive);
  filtered(dlq.command("discard [id...]").description("put them aside for good"))
    .option("--all", "every open one")
    .action(discard);
}

function filtered(command: Command): Command {
  return command
    .option("--stream <stream>", "those of this stream")
    .option("--type <type>", "those of this event type")
    .option("--reason <text>", "those whose reason has this in it, in capitals or not");
}

function list({ status, ...options }: FilterOptions & { status: DeadLetterStatus }): Promise<void> {
  return withDatabase(async (db) => {
    const page = { size: SHOWN, after: 0n };
    for (const letter of await listDeadLetters(db, { statuses: [status], ...filterOf(options) }, page))
      console.log(
        `${letter.id}\t${letter.stream}\t${letter.entry_id}\t${letter.event_type}\t${letter.reason}`,
      );
  });
}

function show(text: string): Promise<void> {
  return sayingWhy(async () => {
    const id = idOf("dead letter", text);
    await withDatabase(async (db) => {
      const letter = await findDeadLetter(db, id);
      if (!letter) throw deadLetterNotFound(id);
      const { trace, ...rest } = letter;
      console.log(JSON.stringify({ ...rest, id: String(id) }, null, 2));
      if (trace) console.log(trace);
    });
  });
}

function redrive(texts: string[], options: FilterOptions & { all?: true; limit: string }): Promise<void> {
  return sayingWhy(async () => {
    const wanted = wantedOf(texts, options);
    const limit = limitOf(options.limit);
    await withDatabase(async (db) => {
      if ("ids" in wanted) {
        const { redriven } = await redriveDeadLetters(db, callFromHere("RedriveDeadLetters"), wanted.ids);
        return console.log(`${redriven} of ${wanted.ids.length} put back`);
      }
      const call = callFromHere("RedriveDeadLetters");
      const { redriven, remaining } = await redriveMatching(db, call, { ...wanted, limit });
      console.log(`${redriven} put back, ${remaining} left`);
    });
  });
}

function discard(texts: string[], options: FilterOptions & { all?: true }): Promise<void> {
  return sayingWhy(async () => {
    const wanted = wantedOf(texts, options);
    await withDatabase(async (db) => {
      const ids = "ids" in wanted ? wanted.ids : await openIds(db, wanted.filter);
      for (const id of ids) await discardDeadLetter(db, callFromHere("DiscardDeadLetter"), id);
      console.log(`${ids.length} discarded`);
    });
  });
}

async function openIds(db: Database, filter: DeadLetterFilter): Promise<bigint[]> {
  const found = await listDeadLetters(db, { statuses: ["open"], ...filter }, { size: SHOWN, after: 0n });
  return found.map((letter) => letter.id);
}

function wantedOf(texts: readonly string[], { all, ...options }: FilterOptions & { all?: true }): Wanted {
  const filter = filterOf(options);
  const filters = all || Object.values(filter).some((value) => value !== undefined);
  if (texts.length > 0 && filters) throw usage("name ids or give a filter, not both");
  if (texts.length === 0 && !filters) throw usage("name ids, or give --all, --stream, --type or --reason");
  return filters ? { filter } : { ids: texts.map((text) => idOf("dead letter", text)) };
}

function filterOf({ stream, type: event_type, reason }: FilterOptions): DeadLetterFilter {
  return { stream, event_type, reason };
}

function limitOf(text: string): number {
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (limit < 1 || limit > MAX_REDRIVEN) throw usage(`--limit must be 1 to ${MAX_REDRIVEN}, not ${text}`);
  return limit;
}
