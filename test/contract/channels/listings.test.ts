import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { OrderChannel } from "../../../src/channels/channel.ts";
import { createListingsChannel } from "../../../src/channels/listings/listings-channel.ts";
import { createOutside } from "../../../src/outside/outside-client.ts";
import { type ListingsHost, startListingsHost } from "../../support/channel-hosts/listings.ts";

let host: ListingsHost;
let listings: OrderChannel;

beforeEach(async () => {
  host = await startListingsHost();
  host.statuses.set("7", "confirmed");
  listings = createListingsChannel({ url: host.url, outside: createOutside({ record: async () => {} }) });
});
afterEach(async () => {
  expect(host.violations).toEqual([]);
  await host.close();
});

const tell = (order_id = 7n) => listings.updateOrderStatus(order_id, "shipped", "the order is shipped");

describe("the Listings service", () => {
  it("is asked for an order, and knows it or not", async () => {
    expect(await listings.getOrder(7n)).toEqual({ order_number: "A-7", status: "confirmed" });
    expect(await listings.getOrder(8n)).toBeUndefined();
  });

  it("takes a status", async () => {
    await tell();
    expect(host.statuses.get("7")).toBe("shipped");
    expect(host.calls("get_order")).toBe(0);
  });

  it("that refuses a status which the order has already, has been told", async () => {
    host.statuses.set("7", "shipped");
    await tell();
    expect(host.calls("get_order")).toBe(1);
  });

  it("that refuses a status otherwise, refuses it for good", async () => {
    await expect(tell(8n)).rejects.toMatchObject({
      retryable: false,
      message: expect.stringContaining("404"),
    });
    host.faults.plan({ kind: "status", when: "before", status: 422 }, { operation: "update_order_status" });
    await expect(tell()).rejects.toMatchObject({ retryable: false });
    expect(host.statuses.get("7")).toBe("confirmed");
  });

  it.each([
    [{ kind: "cut", when: "before" }, { retryable: true }],
    [{ kind: "status", when: "before", status: 503 }, { retryable: true }],
    [
      { kind: "status", when: "before", status: 429, retryAfter: "40" },
      { retryable: true, retryAfterSeconds: 40 },
    ],
    [
      { kind: "status", when: "before", status: 401 },
      { retryable: true, denied: true },
    ],
    [
      { kind: "status", when: "before", status: 403 },
      { retryable: true, denied: true },
    ],
  ] as const)("may be told again after %o", async (fault, error) => {
    host.faults.plan(fault, { operation: "update_order_status" });
    await expect(tell()).rejects.toMatchObject(error);
    await tell();
    expect(host.statuses.get("7")).toBe("shipped");
  });

  it("that took a status and whose answer was lost, is not told of trouble", async () => {
    host.faults.plan({ kind: "cut", when: "after" }, { operation: "update_order_status" });
    await expect(tell()).rejects.toMatchObject({ retryable: true });
    await tell();
    expect(host.statuses.get("7")).toBe("shipped");
  });
});
