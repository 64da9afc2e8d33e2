import { Command } from "commander";
import { describe, expect, it, vi } from "vitest";
import { registerChannels } from "../../../src/cli/channels.ts";
import { findOrderStatus } from "../../../src/db/channels.ts";
import { raiseRefused } from "../../../src/jobs/job-alerts.ts";
import { takeOrderEvents } from "../../../src/use-cases/orders/take-order-events.ts";
import { BestBuyWorld } from "../../support/best-buy-world.ts";
import { shippedParcel } from "../../support/parcels.ts";
import { confirmed } from "../../support/world.ts";

const ONE = [{ listing_id: 1n, quantity: 2 }];

const world = new BestBuyWorld();

/** The command as from a shell, in this process. */
async function channels(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const said = { stdout: "", stderr: "" };
  vi.stubEnv("DATABASE_URL", world.databaseUrl);
  vi.spyOn(console, "log").mockImplementation((line: string) => void (said.stdout += `${line}\n`));
  vi.spyOn(console, "error").mockImplementation((line: string) => void (said.stderr += `${line}\n`));
  const program = new Command();
  registerChannels(program);
  await program.parseAsync(["channels", ...args], { from: "user" });
  const code = Number(process.exitCode ?? 0);
  process.exitCode = undefined;
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  return { code, ...said };
}

/** An order of the Listings service. */
async function listedOrder(order_id = 700n): Promise<bigint> {
  await takeOrderEvents(world.db, [confirmed(order_id, ONE)]);
  return order_id;
}

/** An order whose parcel Best Buy did not take. */
async function refusedOrder(id: string, operation: "update_tracking" | "ship_order") {
  const order_id = await world.soldOrder(id);
  const { shipment_id } = await shippedParcel(world.db, order_id, ONE);
  const no = { status: 400, body: { message: "Carrier is not registered", status: 400 } };
  world.host.faults.plan({ kind: "answer", when: "before", answer: no }, { operation });
  await world.work();
  expect(await world.syncOf(shipment_id)).toBe("failed");
  return { order_id, shipment_id };
}

describe("warehouse channels", () => {
  it("lists what was refused, in the channel's words, and tells it again when somebody says so", async () => {
    const first = await refusedOrder("BB-1", "update_tracking");
    const second = await refusedOrder("BB-2", "ship_order");
    const { stdout } = await channels("reports");
    const lines = stdout
      .trimEnd()
      .split("\n")
      .map((line) => line.split("\t"));
    expect(lines.map(([channel, order, there, shipment]) => [channel, order, there, shipment])).toEqual([
      ["best_buy", String(first.order_id), "BB-1", String(first.shipment_id)],
      ["best_buy", String(second.order_id), "BB-2", String(second.shipment_id)],
    ]);
    expect(lines[0]?.at(-1)).toContain("Carrier is not registered");

    const told = await channels("retry", String(first.order_id));
    expect(told).toEqual({ code: 0, stdout: "1 of 1 orders will be told again\n", stderr: "" });
    await world.work();
    expect(await world.syncOf(first.shipment_id)).toBe("tracking_updated");
    expect(await world.syncOf(second.shipment_id)).toBe("failed");

    expect((await channels("retry", "--all")).stdout).toBe("1 of 1 orders will be told again\n");
    await world.work();
    expect(await world.syncOf(second.shipment_id)).toBe("tracking_updated");
    // What it had taken before it was not told twice: the second order's number.
    expect(world.puts()).toEqual([
      "update_tracking",
      "update_tracking",
      "ship_order",
      "update_tracking",
      "ship_order",
      "ship_order",
    ]);
    expect(await world.alerts()).toEqual([]);
    expect((await channels("reports")).stdout).toBe("");
  });

  it("takes somebody's word that it was set right at the channel", async () => {
    const { order_id, shipment_id } = await refusedOrder("BB-1", "ship_order");
    const listed = await listedOrder();
    await raiseRefused(world.db, listed, new Error("the Listings service answered with 422"));
    const before = world.puts().length;
    const { code, stdout } = await channels("settled", String(order_id), String(listed));
    expect([code, stdout]).toEqual([0, "2 of 2 orders are settled\n"]);
    expect(await world.syncOf(shipment_id)).toBe("tracking_updated");
    expect(await world.alerts()).toEqual([]);
    await world.work();
    expect(world.puts()).toHaveLength(before);
  });

  it("tells the Listings service again of an order whose status it refused", async () => {
    const order_id = await listedOrder();
    await raiseRefused(world.db, order_id, new Error("the Listings service answered with 422"));
    expect((await channels("reports")).stdout).toContain(`listings\t${order_id}\t${order_id}\t\t\t`);
    expect((await channels("retry", String(order_id))).stdout).toBe("1 of 1 orders will be told again\n");
    expect(await world.jobsOf("report_order_status")).toEqual([{ order_id: String(order_id) }]);
  });

  it.each([
    [["retry"], "name orders, or give --all, not both"],
    [["retry", "1", "--all"], "name orders, or give --all, not both"],
    [["retry", "BB-1"], "no order BB-1"],
    [["settled", "BB-1"], "no order BB-1"],
  ])("refuses %j", async (args, words) => {
    expect(await channels(...args)).toEqual({ code: 1, stdout: "", stderr: `${words}\n` });
  });

  it("says so, when nothing of an order was refused", async () => {
    const order_id = await world.soldOrder("BB-1");
    const { code, stdout } = await channels("retry", String(order_id));
    expect([code, stdout]).toEqual([1, "0 of 1 orders will be told again\n"]);
  });
});

it("orders of a marketplace are not reported to the Listings service, which doesn't know them", async () => {
  const ours = await listedOrder();
  const theirs = await world.soldOrder("BB-1");
  expect(await findOrderStatus(world.db, ours)).toBe("processing");
  expect(await findOrderStatus(world.db, theirs)).toBeUndefined();
});
