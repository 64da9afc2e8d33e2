import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { OperationsService } from "../../gen/wms/v1/operations_service_pb.js";
import { WarehouseService } from "../../gen/wms/v1/warehouse_service_pb.js";
import { FEDEX_ACCOUNT, type FedexHost, startFedexHost } from "../support/carrier-hosts/fedex-host.ts";
import { startUpsHost, UPS_ACCOUNT, type UpsHost } from "../support/carrier-hosts/ups-host.ts";
import {
  pack,
  pick,
  publishOrder,
  type RunningService,
  runService,
  stockUp,
} from "../support/running-service.ts";
import { until } from "../support/until.ts";

const rpc = WarehouseService.method;
const MEMPHIS = {
  contactName: "Dock A",
  company: "Acme",
  street: "1 Test Way",
  city: "Memphis",
  state: "TN",
  postalCode: "38101",
  country: "US",
  phone: "9015550100",
};
const AUSTIN = {
  contact_name: "Ann Ex",
  street: "2 Test St",
  city: "Austin",
  state: "TX",
  postal_code: "73301",
  country: "US",
  phone: "5125550100",
};

let fedex: FedexHost;
let ups: UpsHost;
let service: RunningService;

beforeAll(async () => {
  [fedex, ups] = await Promise.all([startFedexHost(), startUpsHost()]);
  const { webhookSecret: _fedex, ...fedexAccount } = FEDEX_ACCOUNT;
  const { webhookSecret: _ups, ...upsAccount } = UPS_ACCOUNT;
  service = await runService({
    CARRIERS: JSON.stringify({
      fedex: { ...fedexAccount, baseUrl: fedex.url },
      ups: { ...upsAccount, baseUrl: ups.url },
    }),
    CARRIER_RULES: JSON.stringify([
      {
        name: "us",
        when: { countries: ["US"] },
        prefer: "cheapest",
        among: [{ carrier_code: "fedex", service: "FEDEX_GROUND" }, { carrier_code: "ups" }],
      },
      { carrier_code: "mock" },
    ]),
  });
  await stockUp(service, [1n], { code: "MEM", address: MEMPHIS });
});
afterAll(async () => {
  await service.stop();
  await Promise.all([fedex.close(), ups.close()]);
});
afterEach(() => {
  expect([fedex.violations, ups.violations]).toEqual([[], []]);
  fedex.faults.clear();
  ups.faults.clear();
});

async function newOrder(orderId: bigint): Promise<void> {
  await publishOrder(service, orderId, [{ listing_id: 1, quantity: 1 }], AUSTIN);
  await until("the order is planned", () => service.client.call(rpc.getPickingTaskByOrderID, { orderId }));
}

/** An order's parcel of 1.2 kg, packed; how it goes is the rules' choice. */
async function shipmentOf(orderId: bigint) {
  await pick(service, orderId);
  await pack(service, orderId);
  const { shipments } = await service.client.call(rpc.listShipments, { orderId });
  return shipments[0];
}

const box = (weight: number) => ({ weight, length: 23, width: 15, height: 5 });
/** The prices that were named, in their own fields. */
const told: string[][] = [];
const explain = async (orderId: bigint, weight: number) => {
  const choice = await service.client.call(rpc.explainCarrierChoice, { orderId, parcels: [box(weight)] });
  for (const { carrierCode, amount, currency, problem } of choice.prices)
    told.push([carrierCode, amount, currency, problem]);
  return [choice.carrierCode, choice.service, choice.rules[0]?.reason];
};

const HOLDS = "everything that it asks for holds";

it("a parcel goes by the carrier that takes least for it, and the rules say who asked what", async () => {
  await newOrder(1n);
  const unmeasured = await service.client.call(rpc.explainCarrierChoice, { orderId: 1n });
  expect(unmeasured).toMatchObject({ carrierCode: "fedex", service: "FEDEX_GROUND" });
  expect(unmeasured.rules[0]?.reason).toBe(
    `${HOLDS}; nobody was asked for a price, so that the first takes it`,
  );
  expect(await shipmentOf(1n)).toMatchObject({ carrierCode: "ups", service: "" });
  await until("UPS has sold the label", async () => ups.parcels.all().length === 1);
  expect(await explain(1n, 1.2)).toEqual([
    "ups",
    "",
    `${HOLDS}; fedex FEDEX_GROUND takes 10.40 USD; ups takes 9.54 USD; ups is the cheapest`,
  ]);
  expect(told.splice(0)).toEqual([
    ["fedex", "10.40", "USD", ""],
    ["ups", "9.54", "USD", ""],
  ]);
  expect(await explain(1n, 5)).toEqual([
    "fedex",
    "FEDEX_GROUND",
    `${HOLDS}; fedex FEDEX_GROUND takes 18.00 USD; ups takes 19.80 USD; fedex FEDEX_GROUND is the cheapest`,
  ]);
});

it("the same question is asked once in a while, and is on record", async () => {
  await newOrder(2n);
  await newOrder(3n);
  const before = [fedex.calls("quote"), ups.calls("quote")];
  await explain(2n, 7);
  await explain(3n, 7);
  expect([fedex.calls("quote"), ups.calls("quote")]).toEqual(before.map((calls) => calls + 1));
  const { apiCalls } = await service.client.call(OperationsService.method.listApiCalls, { pageSize: 100 });
  const quotes = apiCalls.filter(({ endpoint }) => endpoint === "quote");
  expect(new Set(quotes.map((call) => call.service))).toEqual(new Set(["fedex", "ups"]));
});

it("a carrier that names no price in time is left out; without any, the preferred one takes it", async () => {
  await newOrder(4n);
  ups.faults.plan({ kind: "slow", ms: 4_000 }, { operation: "quote" });
  const [chosen, , reason] = await explain(4n, 1.5);
  expect(chosen).toBe("fedex");
  expect(told.at(-1)).toEqual(["ups", "", "", "no answer within 2500 ms"]);
  expect(reason).toContain(
    "ups gives no price: no answer within 2500 ms; fedex FEDEX_GROUND is the cheapest",
  );
  fedex.faults.plan({ kind: "status", when: "before", status: 400 }, { operation: "quote" });
  ups.faults.plan({ kind: "status", when: "before", status: 400 }, { operation: "quote" });
  const [preferred, , why] = await explain(4n, 1.6);
  expect(preferred).toBe("fedex");
  expect(why).toMatch(
    /fedex FEDEX_GROUND gives no price: FedEx answered quote with 400 .*; without a price the first is taken$/,
  );
});

it("a repeated call gets its first answer, without asking anybody again", async () => {
  await newOrder(5n);
  await pick(service, 5n);
  const requestId = crypto.randomUUID();
  const request = { orderId: 5n, packages: [{ ...box(9), packagingType: 1 }], requestId };
  const made = await service.client.call(rpc.createShipment, request);
  expect(made.carrierCode).toBe("fedex");
  const asked = fedex.calls("quote");
  expect(await service.client.call(rpc.createShipment, request)).toMatchObject({
    id: made.id,
    carrierCode: "fedex",
  });
  expect(fedex.calls("quote")).toBe(asked);
});
