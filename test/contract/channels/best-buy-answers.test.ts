import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { MarketPage, Marketplace } from "../../../src/channels/channel.ts";
import { createChannels, readChannelSettings } from "../../../src/channels/registry.ts";
import { createOutside } from "../../../src/outside/outside-client.ts";
import type { Fault } from "../../support/carrier-hosts/faults.ts";
import { MIRAKL_KEY, type MiraklHost, startMiraklHost } from "../../support/channel-hosts/mirakl.ts";

let host: MiraklHost;
let market: Marketplace;

beforeEach(async () => {
  host = await startMiraklHost();
  market = connect();
});
afterEach(async () => {
  expect(host.violations).toEqual([]);
  await host.close();
});

function connect(settings: Record<string, unknown> = {}): Marketplace {
  const given = { best_buy: { baseUrl: host.url, apiKey: MIRAKL_KEY, ...settings } };
  const outside = createOutside({ record: async () => {} });
  return createChannels({ marketplaces: readChannelSettings(given), outside })
    .marketplaces?.[0] as Marketplace;
}

const PARCEL = { carrier_code: "fedex", carrier_name: "FedEx", tracking_number: "794600000015" };

async function pagesSince(since: Date | null): Promise<MarketPage[]> {
  const pages: MarketPage[] = [];
  for await (const page of market.listOrders(since)) pages.push(page);
  return pages;
}

const status = (code: number, more: object = {}): Fault => ({
  kind: "status",
  when: "before",
  status: code,
  ...more,
});

describe("Best Buy's answers", () => {
  it.each<[string, Fault, object]>([
    [
      "400",
      status(400),
      {
        retryable: false,
        denied: false,
        message: expect.stringMatching(/ship_order with 400: Injected fault$/),
      },
    ],
    ["401", status(401), { retryable: true, denied: true }],
    ["403", status(403), { retryable: true, denied: true }],
    ["404", status(404), { retryable: false, denied: false }],
    ["429 with a time", status(429, { retryAfter: "40" }), { retryable: true, retryAfterSeconds: 40 }],
    ["429 without one", status(429), { retryable: true, retryAfterSeconds: null }],
    ["500", status(500), { retryable: true }],
    ["503", status(503), { retryable: true }],
    ["nothing", { kind: "cut", when: "before" }, { retryable: true, denied: false }],
    [
      "a page of a proxy",
      { kind: "answer", when: "before", answer: { status: 502, body: "<html>Bad gateway</html>" } },
      { retryable: true, message: "Best Buy answered ship_order with 502" },
    ],
  ])("of %s mean what they should", async (_, fault, error) => {
    host.sell("BB-1", [{ sku: "SKU-1", quantity: 1 }], "SHIPPING");
    host.faults.plan(fault, { operation: "ship_order" });
    await expect(market.confirmShipped("BB-1")).rejects.toMatchObject({ name: "ChannelError", ...error });
    expect(host.calls("ship_order")).toBe(1);
  });

  it("of 204 have nothing to read", async () => {
    host.sell("BB-1", [{ sku: "SKU-1", quantity: 1 }], "SHIPPING");
    await market.sendTracking("BB-1", PARCEL);
    await market.confirmShipped("BB-1");
    expect(host.orders.get("BB-1")).toMatchObject({ order_state: "SHIPPED", notified: ["794600000015"] });
  });

  it("to a second confirmation are a refusal in its words", async () => {
    host.sell("BB-1", [{ sku: "SKU-1", quantity: 1 }], "SHIPPED");
    await expect(market.confirmShipped("BB-1")).rejects.toMatchObject({
      retryable: false,
      message: expect.stringContaining("Order BB-1 has status SHIPPED"),
    });
  });

  it.each(["", "[]", "{}", '{"orders": 7}', "<orders/>"])(
    "that are no list of orders (%j) are asked for again",
    async (body) => {
      host.faults.plan({ kind: "answer", when: "before", answer: { body } }, { operation: "list_orders" });
      await expect(market.findOrders(["BB-1"])).rejects.toMatchObject({ retryable: true });
    },
  );

  it("come page by page, also when orders are added meanwhile", async () => {
    for (let nth = 1000; nth < 1150; nth++)
      host.sell(`BB-${nth}`, [{ sku: "SKU-1", quantity: 1 }], "SHIPPING");
    const ids: string[] = [];
    for await (const { orders } of market.listOrders(null)) {
      if (ids.length === 0) host.sell("BB-9999", [{ sku: "SKU-1", quantity: 1 }], "SHIPPING");
      ids.push(...orders.map((order) => order.channel_order_id));
    }
    expect(new Set(ids)).toEqual(new Set(host.orders.keys()));
    expect(ids).toHaveLength(151);
  });

  it("since a moment hold what changed since then, whatever its state", async () => {
    host.sell("BB-1", [{ sku: "SKU-1", quantity: 1 }], "SHIPPING");
    host.setClock(Date.UTC(2026, 0, 16));
    host.sell("BB-2", [{ sku: "SKU-1", quantity: 1 }], "CLOSED");
    const [page] = await pagesSince(new Date(Date.UTC(2026, 0, 15, 23, 59, 59, 999)));
    expect(page?.orders.map(({ channel_order_id, state }) => [channel_order_id, state])).toEqual([
      ["BB-2", "shipped"],
    ]);
  });

  it("with a list of carriers that can't be read are asked for again; an entry that can't is left out", async () => {
    host.sell("BB-1", [{ sku: "SKU-1", quantity: 1 }], "SHIPPING");
    host.faults.plan(
      { kind: "answer", when: "before", answer: { body: "{}" } },
      { operation: "list_carriers" },
    );
    await expect(market.sendTracking("BB-1", PARCEL)).rejects.toMatchObject({ retryable: true });
    const carriers = [{ label: "no code" }, { code: "FDX", label: "Fed Ex", standard_code: null }];
    host.faults.plan(
      { kind: "answer", when: "before", answer: { body: { carriers } } },
      { operation: "list_carriers" },
    );
    host.faults.plan(
      { kind: "answer", when: "before", answer: { status: 204 } },
      { operation: "update_tracking" },
    );
    await market.sendTracking("BB-1", PARCEL);
    const sent = host.seen.at(-1)?.request.text ?? "";
    expect(JSON.parse(sent)).toEqual({ carrier_code: "FDX", tracking_number: "794600000015" });
  });
});
