import type { Command } from "commander";
import type { Database } from "../db/database.ts";
import { listStuckLabels, type StuckLabel } from "../db/label-attempts.ts";
import { assignTracking } from "../use-cases/shipping/assign-tracking.ts";
import { retryLabel } from "../use-cases/shipping/retry-label.ts";
import { callFromHere, idOf, SHOWN, sayingWhy } from "./operator-command.ts";
import { withDatabase } from "./with-database.ts";

export function registerLabels(program: Command): void {
  const labels = program.command("labels").description("labels that are not bought without somebody's help");
  labels
    .command("list")
    .description("a line each: what to look for at the carrier's, and why")
    .action(() =>
      withDatabase(async (db) => {
        for (const label of await listStuckLabels(db, SHOWN)) console.log(lineOf(label));
      }),
    );
  labels
    .command("retry <shipment>")
    .description("buy it: the refusal is mended, or somebody has looked and nothing was bought")
    .option("--nothing-was-bought", "nothing is to be found at the carrier's under the reference")
    .action((shipment: string, { nothingWasBought = false }: { nothingWasBought?: boolean }) =>
      change(shipment, async (db, shipment_id) => {
        const call = callFromHere("RetryLabel");
        await retryLabel(db, call, { shipment_id, nothing_was_bought: nothingWasBought });
        console.log(`the label of shipment ${shipment_id} will be bought`);
      }),
    );
  labels
    .command("number <shipment> <carrier> <number>")
    .description("it was bought: this is its tracking number; the shipment is with the carrier")
    .action((shipment: string, carrier_code: string, tracking_number: string) =>
      change(shipment, async (db, shipment_id) => {
        await assignTracking(db, callFromHere("AssignTracking"), {
          shipment_id,
          carrier_code,
          tracking_number,
        });
        console.log(`shipment ${shipment_id} travels under ${tracking_number}`);
      }),
    );
}

function lineOf({ shipment_id, label_status, carrier_code, reference, since, reason }: StuckLabel): string {
  const [why = ""] = (reason ?? "").split("\n", 1);
  return [shipment_id, label_status, carrier_code, reference ?? "", since?.toISOString() ?? "", why].join(
    "\t",
  );
}

function change(text: string, work: (db: Database, shipment_id: bigint) => Promise<void>): Promise<void> {
  return sayingWhy(async () => {
    const shipment_id = idOf("shipment", text);
    await withDatabase((db) => work(db, shipment_id));
  });
}
