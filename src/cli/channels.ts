import type { Command } from "commander";
import {
  listRefusedReports,
  type RefusedReport,
  retryReports,
  settleReports,
} from "../db/channel-refusals.ts";
import { inTransaction, type Transaction } from "../db/transaction.ts";
import { idOf, SHOWN, sayingWhy, usage } from "./operator-command.ts";
import { withDatabase } from "./with-database.ts";

export function registerChannels(program: Command): void {
  const channels = program.command("channels").description("what sales channels were told, and refused");
  channels
    .command("reports")
    .description(
      "a line each, the oldest first: channel, order here, order there, shipment, number, since, why",
    )
    .action(() =>
      withDatabase(async (db) => {
        for (const report of await listRefusedReports(db, SHOWN)) console.log(lineOf(report));
      }),
    );
  channels
    .command("retry [order...]")
    .description("tell it again: the cause is mended at the channel; orders by their ids here")
    .option("--all", "whatever was refused")
    .action((orders: string[], options: { all?: boolean }) => change(orders, options, RETRY));
  channels
    .command("settled <order...>")
    .description("it was set right at the channel by hand, and needs no telling")
    .action((orders: string[]) => change(orders, {}, SETTLE));
}

interface Change {
  /** Returns the orders of which something was refused. */
  work: (trx: Transaction, order_ids: readonly bigint[]) => Promise<bigint[]>;
  /** What is said of them. */
  done: string;
}

const RETRY: Change = { work: retryReports, done: "will be told again" };
const SETTLE: Change = { work: settleReports, done: "are settled" };

function lineOf(report: RefusedReport): string {
  const { channel, order_id, channel_order_id, shipment_id, tracking_number, since, error } = report;
  const [why = ""] = error.split("\n", 1);
  const about = [channel, order_id, channel_order_id, shipment_id ?? "", tracking_number];
  return [...about, since.toISOString(), why].join("\t");
}

function change(texts: string[], { all = false }: { all?: boolean }, { work, done }: Change): Promise<void> {
  return sayingWhy(async () => {
    const named = texts.map((text) => idOf("order", text));
    if (named.length > 0 === all) throw usage("name orders, or give --all, not both");
    await withDatabase(async (db) => {
      const refused = async () => (await listRefusedReports(db, SHOWN)).map((report) => report.order_id);
      const wanted = [...new Set(all ? await refused() : named)];
      const changed = await inTransaction(db, (trx) => work(trx, wanted));
      console.log(`${changed.length} of ${wanted.length} orders ${done}`);
      if (changed.length < wanted.length) process.exitCode = 1; // nothing of it is refused
    });
  });
}
