import { OperationsService } from "../../../gen/wms/v1/operations_service_pb.js";
import { type Order, OrderStatus } from "../../../gen/wms/v1/orders_pb.js";
import { ShipmentStatus } from "../../../gen/wms/v1/shipments_pb.js";
import type { Latencies } from "./latencies.ts";
import { countShipments } from "./outcome.ts";
import type { RpcClient } from "./rpc-client.ts";
import type { Tally } from "./scanners.ts";

export interface Figures {
  orders: ReadonlyMap<bigint, Order>;
  tally: Tally;
  everWaited: number;
  duplicates: number;
  restarts: number;
  seconds: number;
  latencies: Latencies;
}

export function printFigures({
  orders,
  tally,
  everWaited,
  duplicates,
  restarts,
  seconds,
  latencies,
}: Figures): void {
  const all = [...orders.values()];
  const lines = all.flatMap((order) => order.items);
  const withStatus = (status: OrderStatus) => all.filter((order) => order.status === status).length;
  const rows: [string, string | number][] = [
    ["orders", all.length],
    ["lines", lines.length],
    ["units", lines.reduce((sum, item) => sum + item.quantity, 0)],
    ["units shipped", lines.reduce((sum, item) => sum + item.shippedQuantity, 0)],
    ["units cancelled", lines.reduce((sum, item) => sum + item.cancelledQuantity, 0)],
    ["orders delivered", withStatus(OrderStatus.DELIVERED)],
    ["orders cancelled", withStatus(OrderStatus.CANCELLED)],
    ["orders that waited for stock", everWaited],
    ["parcels returned to sender", countShipments(all, ShipmentStatus.RETURNED)],
    ["short picks", tally.shortPicks],
    ["events sent twice or thrice", duplicates],
    ["restarts of the service", restarts],
    ["seconds", seconds.toFixed(1)],
    ["orders/s", (all.length / seconds).toFixed(1)],
    ["picks/s", (tally.picks / seconds).toFixed(1)],
  ];
  console.log();
  for (const [name, value] of rows) console.log(`  ${name.padEnd(32)}${String(value).padStart(10)}`);
  console.log(
    `\n  ${"RPC".padEnd(32)}${"calls".padStart(10)}${"p50 ms".padStart(10)}${"p99 ms".padStart(10)}`,
  );
  for (const { rpc, count, p50, p99 } of latencies.table())
    console.log(
      `  ${rpc.padEnd(32)}${String(count).padStart(10)}${p50.toFixed(1).padStart(10)}${p99.toFixed(1).padStart(10)}`,
    );
  if (tally.refusals.size > 0)
    console.log(
      `\n  taken out of workers' hands: ${[...tally.refusals].map(([reason, n]) => `${reason} ${n}`).join(", ")}`,
    );
}

/** Every law, checked on the live database; true when none is broken. */
export async function printVerdict(operator: RpcClient): Promise<boolean> {
  const { ok, checks } = await operator.call(OperationsService.method.verify, {});
  console.log();
  for (const check of checks) {
    console.log(`  ${check.ok ? "ok    " : "BROKEN"} ${check.name}: ${check.checkedRows} checked`);
    for (const violation of check.violations) console.log(`         ${violation}`);
  }
  return ok;
}
