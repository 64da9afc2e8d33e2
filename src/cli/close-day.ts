import { writeFile } from "node:fs/promises";
import type { Command } from "commander";
import { Registry } from "prom-client";
import type { Carrier, ClosedDay, DayToClose } from "../carriers/carrier.ts";
import { ConfigError } from "../config.ts";
import type { Database } from "../db/database.ts";
import { createLogger } from "../logger.ts";
import { aboutCall } from "../outside/call-context.ts";
import { openCarriers } from "../start/carriers.ts";
import { openOutside } from "../start/outside.ts";
import { withStoredSettings } from "../start/stored-settings.ts";
import { createOutsideMetrics } from "../telemetry/outside-metrics.ts";
import { withDatabase } from "./with-database.ts";

interface Options extends DayToClose {
  list?: string;
}

export function registerCloseDay(carriers: Command): void {
  carriers
    .command("close-day <code>")
    .description(
      "put the day's labels on the list that the carrier fetches parcels by; as often as one likes",
    )
    .option("--day <date>", "another day than today, as 2026-01-15")
    .option("--print", "print labels first that were made and never printed, instead of naming them")
    .option("--list <path>", "keep the list there, as PDF")
    .action(closeDay);
}

function closeDay(code: string, { list: path, ...day }: Options): Promise<void> {
  if (day.day !== undefined && !isDate(day.day))
    throw new ConfigError(`--day must be a date such as 2026-01-15, not "${day.day.slice(0, 40)}"`);
  return withDatabase(async (db, url, config) => {
    const whole = await withStoredSettings(config, url);
    const carrier = (await openCarriers(whole, { db, ...wiresOf(db) })).get(code);
    const { list, ...closed } = await closeAt(carrier, code, day);
    if (path !== undefined && list) await writeFile(path, list);
    console.log(wordsOf(closed));
    if (closed.list_number !== null && !list)
      console.log("the list itself could not be had: print it in the carrier's own tool");
  });
}

function isDate(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text));
}

function wiresOf(db: Database) {
  const metrics = createOutsideMetrics(new Registry());
  return openOutside({ db, logger: createLogger("silent"), metrics });
}

async function closeAt(carrier: Carrier | undefined, code: string, day: DayToClose): Promise<ClosedDay> {
  try {
    const closed = await aboutCall({ related_id: `carrier:${code}`, attempt: 1 }, async () =>
      carrier?.closeDay?.(day),
    );
    if (closed) return closed;
  } catch (error) {
    throw new ConfigError(error instanceof Error ? error.message : String(error));
  }
  const why = carrier ? "" : ", which is not configured";
  throw new ConfigError(`there is no day to close at "${code.slice(0, 40)}"${why}`);
}

function wordsOf({ day, list_number, printed }: Omit<ClosedDay, "list">): string {
  if (list_number === null) return `${day}: there is nothing that is not on a list`;
  const also = printed.length > 0 ? `; with ${printed.join(", ")}, printed only now` : "";
  return `${day}: closed with list ${list_number}${also}`;
}
