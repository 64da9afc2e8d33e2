import { z } from "zod";
import type { WebhookDelivery } from "../../../src/carriers/carrier.ts";
import { type HostRoute, type RunningHost, startHost } from "./host.ts";
import { checkJson, type HostAnswer, type HostRequest } from "./http-messages.ts";
import { hasBasic } from "./oauth.ts";
import { createParcelStore, type HostScan, type ParcelStore } from "./parcel-store.ts";

/** Written from the integration documents: shipments, indexes, and the notification that customers have to take. */
export const D_EXPRESS_ACCOUNT = {
  username: "proba",
  password: "lozinka-0123",
  clientId: "UK16967",
  passcode: "tajna-sifra-2026",
} as const;

export interface DExpressHost extends RunningHost {
  /** Under it everything lies. */
  readonly api: string;
  readonly parcels: ParcelStore;
  /** The latest scan of a package, as it would be notified. */
  notify(code: string, options?: { method?: "PUT" | "POST"; nID?: string; cc?: string }): WebhookDelivery;
}

export async function startDExpressHost(): Promise<DExpressHost> {
  const parcels = createParcelStore();
  const running = await startHost({
    code: "d_express",
    routes: [townsRoute(), announceRoute(parcels)],
    authorize: (request) =>
      hasBasic(request, D_EXPRESS_ACCOUNT.username, D_EXPRESS_ACCOUNT.password)
        ? undefined
        : refuse({ status: 401, message: "Authorization has been denied for this request." }),
    refuse,
  });
  return {
    ...running,
    api: `${running.url}/ExternalApi`,
    parcels,
    notify: (code, options) => notificationOf(parcels, code, options),
  };
}

function refuse({ status, message }: { status: number; message: string }): HostAnswer {
  return { status, body: { Message: "The request is invalid.", ModelState: { shipment: [message] } } };
}

const TOWNS = [
  town(100_001, "Beograd", "Beograd (Stari grad)", 11_000),
  town(100_002, "Novi Sad", "Novi Sad", 21_000),
  town(100_003, "Novo Selo", "Novo Selo (Bela Palanka)", 18_310),
  town(100_004, "Novo Selo", "Novo Selo (Kula)", 25_230),
  town(100_005, "Čačak", "Čačak", 32_000),
];

function town(Id: number, Name: string, DName: string, PttNo: number): object {
  return {
    Id,
    Name,
    DName,
    CentarId: 1,
    MId: 5,
    PttNo,
    O: 1,
    DeliveryDays: "1-2",
    CutOffPickupTime: "16:00",
  };
}

function townsRoute(): HostRoute {
  return {
    operation: "list_towns",
    method: "GET",
    path: "/ExternalApi/data/towns",
    check: ({ query }) => (/^\d{14}$/.test(query.get("date") ?? "") ? [] : ["date is no yyyyMMddHHmmss"]),
    answer: () => ({ body: TOWNS }),
  };
}

const latin50 = z
  .string()
  .min(1)
  .max(50)
  .regex(/^[^\u0400-\u04ff]*$/, "has Cyrillic letters");
const optionalLatin = z
  .string()
  .max(50)
  .regex(/^[^\u0400-\u04ff]*$/)
  .optional();
const number = z
  .string()
  .max(10)
  .regex(/^(bb|\d[-\da-zA-ZčćžšđČĆŽŠĐ/]*)$/i);
const phone = z
  .string()
  .regex(/^(381[1-9]\d{7,8}|38167\d{6,8})$/)
  .optional();
const clientId = z.string().regex(/^UK\d{5}$/);
const townId = z.int().min(100_000).max(10_000_000);
const para = z.int().min(0).max(1_000_000_000);
const shipmentSchema = z.strictObject({
  CClientID: clientId,
  CName: latin50,
  CAddress: latin50,
  CAddressNum: number,
  CTownID: townId,
  CCName: optionalLatin,
  CCPhone: phone,
  PuClientID: clientId.optional(),
  PuName: latin50,
  PuAddress: latin50,
  PuAddressNum: number,
  PuAddressDesc: z.string().max(50).optional(),
  PuTownID: townId,
  PuCName: z.string().max(30).optional(),
  PuCPhone: phone,
  RName: latin50,
  RAddress: latin50,
  RAddressNum: number,
  RAddressDesc: z.string().max(50).optional(),
  RTownID: townId,
  RCName: optionalLatin,
  RCPhone: phone,
  DlTypeID: z.literal([1, 2]),
  PaymentBy: z.literal([0, 1, 2]),
  PaymentType: z.literal([1, 2]),
  BuyOut: para.optional(),
  Value: para,
  Content: latin50,
  Mass: z.int().min(0).max(10_000_000),
  Note: z.string().max(150).optional(),
  ReferenceID: z.string().min(1).max(50),
  ReturnDoc: z.literal([0, 1, 3]),
  PackageList: z
    .array(
      z.strictObject({
        Code: z.string().regex(/^[A-Z]{2}\d{10}$/),
        Mass: z.int().min(0).max(34_000).optional(),
        DimX: z.int().optional(),
        DimY: z.int().optional(),
        DimZ: z.int().optional(),
      }),
    )
    .min(1)
    .optional(),
});

function announceRoute(parcels: ParcelStore): HostRoute {
  return {
    operation: "create_label",
    method: "POST",
    path: "/ExternalApi/data/addshipment",
    check: (request) => checkJson(request, shipmentSchema),
    answer: (request) => announce(parcels, request),
  };
}

/** The answer is a bare text in quotes. */
function announce(parcels: ParcelStore, { text }: HostRequest): HostAnswer {
  const shipment = shipmentSchema.parse(JSON.parse(text));
  if (shipment.RAddress === "Nepostojeća") return say("Ulica ne postoji u naselju");
  if (parcels.under(shipment.ReferenceID).length > 0)
    return say(`Pošiljka sa referencom ${shipment.ReferenceID} već postoji`);
  for (const { Code } of shipment.PackageList ?? [])
    parcels.add({
      number: Code,
      reference: shipment.ReferenceID,
      label: Buffer.alloc(0),
      scans: journey(),
      details: shipment,
    });
  return say("TEST");
}

function say(words: string): HostAnswer {
  return { headers: { "content-type": "application/json; charset=utf-8" }, body: JSON.stringify(words) };
}

/** Announced, fetched, out for delivery, nobody at home, out again, delivered; Belgrade is one hour ahead of UTC. */
function journey(): HostScan[] {
  const at = (hours: number) => new Date(Date.UTC(2026, 0, 15, 8) + hours * 3_600_000);
  return [
    { code: "0", text: "", place: "", at: at(0) },
    { code: "3", text: "", place: "", at: at(6) },
    { code: "4", text: "", place: "", at: at(24) },
    { code: "6", text: "", place: "", at: at(27) },
    { code: "4", text: "", place: "", at: at(48) },
    { code: "1", text: "", place: "", at: at(51) },
  ];
}

function notificationOf(
  parcels: ParcelStore,
  code: string,
  { method = "POST", nID, cc = D_EXPRESS_ACCOUNT.passcode }: Parameters<DExpressHost["notify"]>[1] = {},
): WebhookDelivery {
  const [latest] = parcels.history(code);
  if (!latest) throw new Error(`nothing has happened to ${code}`);
  const fields = {
    cc,
    nID: nID ?? `${code}/${latest.code}/${latest.at.getTime()}`,
    code,
    rID: parcels.find(code)?.reference ?? "",
    sID: latest.code,
    dt: inBelgrade(latest.at),
  };
  const path = "/webhooks/carriers/d_express";
  const query = new URLSearchParams(fields).toString();
  return {
    method,
    path: method === "PUT" ? `${path}?${query}` : path,
    headers: { "content-type": "application/json" },
    body: method === "PUT" ? Buffer.alloc(0) : Buffer.from(JSON.stringify(fields)),
    received_at: new Date(latest.at.getTime() + 20_000),
  };
}

/** In winter. */
function inBelgrade(at: Date): string {
  return new Date(at.getTime() + 3_600_000).toISOString().replace(/\D/g, "").slice(0, 14);
}
