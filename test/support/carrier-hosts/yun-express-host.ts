import { createHmac } from "node:crypto";
import { z } from "zod";
import { type HostRoute, type RunningHost, startHost } from "./host.ts";
import { checkJson, type HostAnswer, type HostRequest } from "./http-messages.ts";
import { createGivenTokens, type GivenTokens } from "./oauth.ts";
import { createParcelStore, type HostScan, type ParcelStore } from "./parcel-store.ts";

/** Written from what is published of YunExpress's open platform: signed calls, and every answer in an envelope. */
export const YUN_EXPRESS_ACCOUNT = {
  appId: "yun-app",
  appSecret: "yun-secret-0123456789",
  sourceKey: "yun-source",
} as const;

type Order = z.output<typeof orderSchema>;

interface Office {
  parcels: ParcelStore<Order>;
  tokens: GivenTokens;
  /** Labels lie elsewhere, and the answer only says where. */
  linksLabels: boolean;
  url: string;
}

export interface YunExpressHost extends RunningHost {
  readonly parcels: ParcelStore<Order>;
  readonly tokens: GivenTokens;
  linkLabels(): void;
}

export async function startYunExpressHost(): Promise<YunExpressHost> {
  const parcels = createParcelStore<Order>();
  const office: Office = { parcels, tokens: createGivenTokens("yun"), linksLabels: false, url: "" };
  const running = await startHost({
    code: "yun_express",
    routes: [
      tokenRoute(office),
      createRoute(office),
      findRoute(office),
      labelRoute(office),
      fileRoute(office),
      cancelRoute(office),
      trackRoute(office),
    ],
    authorize: (request) =>
      isGood(office, request) ? undefined : { status: 401, body: failed("401", "token is invalid") },
    refuse: ({ status, code, message }) => ({ status, body: failed(code ?? String(status), message) }),
  });
  office.url = running.url;
  return {
    ...running,
    parcels,
    tokens: office.tokens,
    linkLabels: () => {
      office.linksLabels = true;
    },
  };
}

function isGood({ tokens }: Office, request: HostRequest): boolean {
  return tokens.isGood({ ...request, headers: { authorization: request.headers["token"] ?? "" } });
}

/** Whatever goes wrong, goes wrong inside a 200. */
function failed(code: string, msg: string) {
  return { t: Date.now(), success: false, code, msg, result: null };
}

function done(result: unknown): HostAnswer {
  return { body: { t: Date.now(), success: true, code: "0", msg: "success", result } };
}

const tokenSchema = z.strictObject({
  grantType: z.literal("client_credentials"),
  appId: z.string(),
  appSecret: z.string(),
  sourceKey: z.string(),
});

function tokenRoute({ tokens }: Office): HostRoute {
  return {
    operation: "fetch_token",
    method: "POST",
    path: "/openapi/oauth2/token",
    open: true,
    check: (request) => checkJson(request, tokenSchema),
    answer: ({ text }) => {
      const { appId, appSecret, sourceKey } = tokenSchema.parse(JSON.parse(text));
      const { appId: id, appSecret: secret, sourceKey: source } = YUN_EXPRESS_ACCOUNT;
      if (appId !== id || appSecret !== secret || sourceKey !== source)
        return { body: failed("40001", "appId or appSecret is wrong") };
      return { body: { accessToken: tokens.give(7200), tokenType: "bearer", expiresIn: 7200 } };
    },
  };
}

/** The signature is over the body as it came, the moment, the method and the path. */
function checkSignature({ method, path, text, headers }: HostRequest): string[] {
  const { date = "", sign } = headers;
  const body = method === "GET" ? "" : `body=${text}&`;
  const signed = `${body}date=${date}&method=${method}&uri=${path}`;
  const expected = createHmac("sha256", YUN_EXPRESS_ACCOUNT.appSecret).update(signed).digest("base64");
  const late = Math.abs(Date.now() - Number(date)) > 300_000;
  return [
    ...(/^\d{13}$/.test(date) && !late ? [] : [`date is "${date}"`]),
    ...(sign === expected ? [] : [`sign is not over ${signed}`]),
  ];
}

const partySchema = z.object({
  first_name: z.string().min(1),
  country_code: z.string().length(2),
  province: z.string(),
  city: z.string().min(1),
  address_lines: z.array(z.string()).min(1),
  postal_code: z.string(),
  phone_number: z.string(),
});
const orderSchema = z.object({
  product_code: z.string(),
  customer_order_number: z.string().min(1).max(50),
  weight_unit: z.enum(["KG", "LB"]),
  size_unit: z.enum(["CM", "IN"]),
  packages: z
    .array(z.object({ length: z.number(), width: z.number(), height: z.number(), weight: z.number() }))
    .min(1),
  receiver: partySchema,
  sender: partySchema.optional(),
  declaration_info: z
    .array(
      z.object({
        name_en: z.string().min(1),
        name_local: z.string(),
        quantity: z.int().positive(),
        unit_price: z.number().positive(),
        unit_weight: z.number().positive(),
        currency: z.string().length(3),
        hs_code: z.string().optional(),
      }),
    )
    .min(1),
  customs_number: z.object({ ioss_code: z.string() }).optional(),
});

function createRoute({ parcels }: Office): HostRoute {
  return {
    operation: "create_label",
    method: "POST",
    path: "/v1/order/package/create",
    check: (request) => [...checkSignature(request), ...checkJson(request, orderSchema)],
    answer: ({ text }) => order(parcels, orderSchema.parse(JSON.parse(text))),
  };
}

function order(parcels: ParcelStore<Order>, details: Order): HostAnswer {
  const reference = details.customer_order_number;
  if (details.product_code !== "THZXR") return { body: failed("0107", "运输方式不存在") };
  if (parcels.under(reference).length > 0) return { body: failed("0110", "客户订单号已存在") };
  const number = `YT${2_600_000_000_000_000 + parcels.all().length}`;
  const label = Buffer.from(`%PDF-1.4\n% ${number}\n%%EOF`);
  parcels.add({ number, reference, label, scans: journey(), details });
  return done({ customer_order_number: reference, waybill_number: number, tracking_number: "" });
}

/** Under our number, or theirs. */
function findIn(parcels: ParcelStore<Order>, number: string) {
  return parcels.find(number) ?? parcels.under(number)[0];
}

function get(operation: string, path: string, answer: (number: string) => HostAnswer): HostRoute {
  return {
    operation,
    method: "GET",
    path,
    check: (request) => [
      ...checkSignature(request),
      ...(request.query.get("order_number") ? [] : ["order_number is missing"]),
    ],
    answer: ({ query }) => answer(query.get("order_number") as string),
  };
}

function findRoute({ parcels }: Office): HostRoute {
  return get("find_label", "/v1/order/info/get", (given) => {
    const parcel = findIn(parcels, given);
    if (!parcel) return { body: failed("0201", "订单不存在") };
    const { reference: customer_order_number, number: waybill_number } = parcel;
    return done({ customer_order_number, waybill_number, tracking_number: "", status: "F" });
  });
}

function labelRoute(office: Office): HostRoute {
  return get("print_label", "/v1/order/label/get", (given) => {
    const parcel = findIn(office.parcels, given);
    if (!parcel) return { body: failed("0201", "订单不存在") };
    const where = office.linksLabels
      ? { url: `${office.url}/files/${parcel.number}.pdf`, label_string: "" }
      : { url: "", label_string: parcel.label.toString("base64") };
    return done({ ...where, label_type: "PDF" });
  });
}

/** Files need no credentials, and those who serve them are not to see any. */
function fileRoute({ parcels }: Office): HostRoute {
  return {
    operation: "download_label",
    method: "GET",
    path: "/files/:name",
    open: true,
    check: ({ headers }) => (headers["token"] || headers["sign"] ? ["credentials went to a stranger"] : []),
    answer: ({ params }) => {
      const parcel = parcels.find((params["name"] as string).replace(/\.pdf$/, ""));
      return parcel
        ? { headers: { "content-type": "application/pdf" }, body: parcel.label }
        : { status: 404 };
    },
  };
}

const cancelSchema = z.strictObject({ waybill_number: z.string().min(1) });

function cancelRoute({ parcels }: Office): HostRoute {
  return {
    operation: "void_label",
    method: "POST",
    path: "/v1/order/cancel",
    check: (request) => [...checkSignature(request), ...checkJson(request, cancelSchema)],
    answer: ({ text }) => {
      const parcel = parcels.find(cancelSchema.parse(JSON.parse(text)).waybill_number);
      if (!parcel) return { body: failed("0201", "订单不存在") };
      if (parcel.state === "voided" || parcel.happened > 0)
        return { body: failed("0305", "订单状态不允许取消") };
      parcel.state = "voided";
      return done(true);
    },
  };
}

function trackRoute({ parcels }: Office): HostRoute {
  return get("track", "/v1/track-service/info/get", (given) => {
    const parcel = findIn(parcels, given);
    if (!parcel) return done([{ order_number: given, package_status: "N", track_Info: null }]);
    const past = parcels.history(parcel.number);
    const track_events = past.map((scan) => ({
      process_time: wall(scan.at, 8),
      process_utc_time: wall(scan.at, 0),
      process_content: scan.text,
      process_location: scan.place,
      track_node_code: scan.code,
    }));
    return done([
      {
        order_number: given,
        package_status: parcel.state === "voided" ? "C" : packageStatus(past),
        track_Info: { waybill_number: parcel.number, track_events },
      },
    ]);
  });
}

function packageStatus(past: readonly HostScan[]): string {
  if (past.some(({ code }) => code === "DELIVERED")) return "D";
  if (past.some(({ code }) => code === "SEIZED")) return "E";
  return past.length > 0 ? "T" : "F";
}

function wall(at: Date, hours: number): string {
  return new Date(at.getTime() + hours * 3_600_000).toISOString().slice(0, 19).replace("T", " ");
}

function journey(): HostScan[] {
  const day = (date: number, hour: number) => new Date(Date.UTC(2026, 0, date, hour));
  return [
    { code: "PICKED_UP", text: "Shipment picked up", place: "Shenzhen, CN", at: day(15, 2) },
    { code: "EXPORT_CUSTOMS_COMPLETE", text: "Export clearance success", place: "Hong Kong", at: day(16, 5) },
    { code: "CUSTOMS_RELEASE", text: "Released by customs", place: "Liege, BE", at: day(18, 9) },
    { code: "DELIVERY_ATTEMPT", text: "Out for delivery", place: "Berlin, DE", at: day(20, 7) },
    { code: "DELIVERED", text: "Delivered", place: "Berlin, DE", at: day(20, 13) },
  ];
}
