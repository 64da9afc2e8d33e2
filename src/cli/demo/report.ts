import { OperationsService } from "../../../gen/wms/v1/operations_service_pb.js";
import { type Order, type OrderItem, OrderStatus } from "../../../gen/wms/v1/orders_pb.js";
import { ShipmentStatus } from "../../../gen/wms/v1/shipments_pb.js";
import type { Tally } from "./floor.ts";
import type { Latencies } from "./latencies.ts";
import { countShipments } from "./outcome.ts";
import type { RpcClient } from "./rpc-client.ts";

export interface Figures {
  orders: readonly Order[];
  tally: Tally;
  everWaited: number;
  duplicates: number;
  restarts: number;
  seconds: number;
  latencies: Latencies;
}

const VERIFY_MS = 300_000;

export function printFigures(figures: Figures): void {
  console.log();
  for (const [name, value] of rowsOf(figures))
    console.log(`  ${name.padEnd(32)}${String(value).padStart(10)}`);
  printLatencies(figures.latencies);
  const { refusals } = figures.tally;
  if (refusals.size === 0) return;
  const reasons = [...refusals].map(([reason, count]) => `${reason} ${count}`).join(", ");
  console.log(`\n  work that was gone when somebody reached for it: ${reasons}`);
}

function rowsOf({ orders, tally, everWaited, duplicates, restarts, seconds }: Figures) {
  const lines = orders.flatMap((order) => order.items);
  const sum = (of: (line: OrderItem) => number) => lines.reduce((total, line) => total + of(line), 0);
  const withStatus = (status: OrderStatus) => orders.filter((order) => order.status === status).length;
  return [
    ["orders", orders.length],
    ["lines", lines.length],
    ["units", sum((line) => line.quantity)],
    ["units shipped", sum((line) => line.shippedQuantity)],
    ["units cancelled", sum((line) => line.cancelledQuantity)],
    ["orders delivered", withStatus(OrderStatus.DELIVERED)],
    ["orders cancelled", withStatus(OrderStatus.CANCELLED)],
    ["orders backordered for a while", everWaited],
    ["parcels delivered", countShipments(orders, ShipmentStatus.DELIVERED)],
    ["parcels returned to sender", countShipments(orders, ShipmentStatus.RETURNED)],
    ["picks", tally.picks],
    ["short picks", tally.shortPicks],
    ["duplicate events sent", duplicates],
    ["restarts of the service", restarts],
    ["seconds", seconds.toFixed(1)],
    ["orders/s", (orders.length / seconds).toFixed(1)],
    ["picks/s", (tally.picks / seconds).toFixed(1)],
  ] as const;
}

function printLatencies(latencies: Latencies): void {
  console.log(
    `\n  ${"RPC".padEnd(32)}${"calls".padStart(10)}${"p50 ms".padStart(10)}${"p99 ms".padStart(10)}`,
  );
  for (const { rpc, count, p50, p99 } of latencies.table()) {
    const cells = [String(count), p50.toFixed(1), p99.toFixed(1)].map((cell) => cell.padStart(10));
    console.log(`  ${rpc.padEnd(32)}${cells.join("")}`);
  }
}

/** Every law, checked on the live database, and no event was given up; true when all is well. */
export async function printVerdict(operator: RpcClient): Promise<boolean> {
  const { verify, listDeadLetters } = OperationsService.method;
  const { ok, checks } = await operator.call(verify, {}, VERIFY_MS);
  console.log();
  for (const check of checks) {
    console.log(`  ${check.ok ? "ok    " : "BROKEN"} ${check.name}: ${check.checkedRows} checked`);
    for (const violation of check.violations) console.log(`         ${violation}`);
  }
  const { deadLetters } = await operator.call(listDeadLetters, {});
  for (const { eventType, reason } of deadLetters) console.log(`  DEAD LETTER ${eventType}: ${reason}`);
  return ok && deadLetters.length === 0;
}
