import type { Outside } from "../../outside/outside-client.ts";
import type { MarketPage, Marketplace } from "../channel.ts";
import { createCarrierNames } from "./carrier-names.ts";
import { type AskBestBuy, createBestBuyClient, readJson } from "./client.ts";
import { readPage } from "./orders.ts";
import type { BestBuySettings } from "./settings.ts";

/** Orders a page; the most that Mirakl gives. */
const PAGE = 100;
const OPEN_STATES = "WAITING_ACCEPTANCE,SHIPPING";

/** Best Buy Canada's marketplace, by Mirakl's seller API: OR11, OR21, OR23, OR24, OR29 and SH21. */
export function createBestBuy(
  settings: BestBuySettings,
  { outside, now = () => new Date() }: { outside: Outside; now?: () => Date },
): Marketplace {
  const ask = createBestBuyClient(settings, outside);
  const carrierOf = createCarrierNames(settings, ask, now);
  const put = (operation: string, id: string, action: string, body?: object) =>
    ask({
      operation,
      method: "PUT",
      path: `api/orders/${encodeURIComponent(id)}/${action}`,
      ...(body === undefined ? {} : { body }),
    });
  return {
    code: "best_buy",
    pollSeconds: settings.pollSeconds,
    acceptsOrders: settings.acceptOrders,
    storefront_id: BigInt(settings.storefrontId),
    listOrders: (since) =>
      pages(ask, since ? { start_update_date: toSeconds(since) } : { order_state_codes: OPEN_STATES }),
    findOrders: (ids) => listPage(ask, { order_ids: ids.join(","), max: String(PAGE) }),
    acceptOrder: async ({ channel_order_id, lines }) => {
      const order_lines = lines.filter((line) => !line.cancelled);
      await put("accept_order", channel_order_id, "accept", {
        order_lines: order_lines.map(({ line_id }) => ({ id: line_id, accepted: true })),
      });
    },
    cancelOrder: async (id) => {
      await put("cancel_order", id, "cancel");
    },
    sendTracking: async (id, parcel) => {
      const carrier = await carrierOf(parcel);
      await put("update_tracking", id, "tracking", { ...carrier, tracking_number: parcel.tracking_number });
    },
    confirmShipped: async (id) => {
      await put("ship_order", id, "ship");
    },
  };
}

/** As its examples have it: `2026-01-15T09:00:00Z`. */
function toSeconds(at: Date): string {
  return at.toISOString().replace(/\.\d+Z$/, "Z");
}

/** By the date of their making, which doesn't change: an order that changes meanwhile is not shifted past us. */
async function* pages(ask: AskBestBuy, filter: Readonly<Record<string, string>>): AsyncGenerator<MarketPage> {
  const order = { sort: "dateCreated", order: "asc", max: String(PAGE) };
  for (let offset = 0; ; ) {
    const page = await listPage(ask, { ...filter, ...order, offset: String(offset) });
    yield page;
    offset += page.count;
    if (page.count === 0 || offset >= page.total) return;
  }
}

async function listPage(ask: AskBestBuy, query: Readonly<Record<string, string>>) {
  const answer = await ask({ operation: "list_orders", method: "GET", path: "api/orders", query });
  return readPage(readJson(answer, "list_orders"));
}
