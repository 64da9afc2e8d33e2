import { z } from "zod";
import { type HostRoute, type RunningHost, startHost } from "./host.ts";
import { checkJson, type HostAnswer } from "./http-messages.ts";
import { createParcelStore, type HostScan, type ParcelStore } from "./parcel-store.ts";

/** Written from what BEX's clients publish: booking, print, deletion, and a state that is about now. */
export const BEX_ACCOUNT = { token: "bex-token-0123456789", clientId: "104455" } as const;

export interface BexHost extends RunningHost {
  readonly parcels: ParcelStore;
  /** Answers with the words of a state alone, as it does now and then. */
  speakPlainly(): void;
}

export async function startBexHost(): Promise<BexHost> {
  const parcels = createParcelStore();
  const ways = { plain: false };
  const running = await startHost({
    code: "bex",
    routes: [bookRoute(parcels), labelRoute(parcels), deleteRoute(parcels), stateRoute(parcels, ways)],
    authorize: ({ headers }) =>
      headers["x-auth-token"] === BEX_ACCOUNT.token ? undefined : { status: 401, body: "Unauthorized" },
    refuse: ({ status, message }) => ({ status, body: message }),
  });
  return {
    ...running,
    parcels,
    speakPlainly: () => {
      ways.plain = true;
    },
  };
}

const task = z.object({
  type: z.literal([1, 2]),
  nameType: z.literal([1, 2, 3]),
  name1: z.string().min(1).max(50),
  adressType: z.literal([1, 2, 3]),
  place: z.string().max(45),
  street: z.string().max(50),
  houseNumber: z.int().nonnegative(),
  apartment: z.string().max(8),
  phone: z.string().max(50),
});
const bookSchema = z.strictObject({
  shipmentslist: z
    .array(
      z.object({
        shipmentId: z.literal(0),
        serviceSpeed: z.int(),
        shipmentType: z.int(),
        shipmentCategory: z.int(),
        shipmentWeight: z.number().positive(),
        totalPackages: z.int().positive(),
        payType: z.int(),
        payToSender: z.number(),
        insuranceAmount: z.number(),
        commentPrivate: z.string().max(255),
        tasks: z.tuple([task, task]),
      }),
    )
    .min(1),
});

function bookRoute(parcels: ParcelStore): HostRoute {
  return {
    operation: "create_label",
    method: "POST",
    path: "/ship/api/Ship/postShipments",
    check: (request) => checkJson(request, bookSchema),
    answer: ({ text }) => book(parcels, bookSchema.parse(JSON.parse(text))),
  };
}

function book(parcels: ParcelStore, { shipmentslist }: z.output<typeof bookSchema>): HostAnswer {
  if (shipmentslist[0]?.tasks[0].name1 !== BEX_ACCOUNT.clientId)
    return { body: { reqstate: false, reqerr: "Nepoznat klijent", shipmentsResultList: [] } };
  const shipmentsResultList = shipmentslist.map((shipment) => {
    if (shipment.shipmentWeight > 50) return { state: false, shipmentId: 0, err: "Masa je veća od 50 kg" };
    const number = 180_923_112 + parcels.all().length;
    parcels.add({
      number: String(number),
      reference: shipment.commentPrivate,
      label: Buffer.from(`%PDF-1.4\n% ${number}\n%%EOF`),
      scans: journey(),
      details: shipment,
    });
    return { state: true, shipmentId: number, err: "" };
  });
  return { body: { reqstate: true, reqerr: "", shipmentsResultList } };
}

function labelRoute(parcels: ParcelStore): HostRoute {
  return {
    operation: "print_label",
    method: "GET",
    path: "/ShipDNF/Ship/getLabelWithProperties",
    check: ({ query }) => [
      ...["pageSize", "pagePosition", "shipmentId", "parcelNo"]
        .filter((name) => !/^\d+$/.test(query.get(name) ?? ""))
        .map((name) => `${name} is no number`),
      ...(["4", "6"].includes(query.get("pageSize") ?? "") ? [] : ["pageSize is not 4 or 6"]),
    ],
    answer: ({ query }) => {
      const parcel = parcels.find(query.get("shipmentId") ?? "");
      if (!parcel) return { body: { state: false, parcelLabel: "", err: "Pošiljka ne postoji" } };
      const parcelLabel = parcel.label.toString("base64");
      return { body: { state: true, shipmentId: Number(parcel.number), parcelNo: 1, parcelLabel, err: "" } };
    },
  };
}

const deleteSchema = z.strictObject({ shipmentId: z.int().positive() });

function deleteRoute(parcels: ParcelStore): HostRoute {
  return {
    operation: "void_label",
    method: "POST",
    path: "/ship/api/Ship/delete",
    check: (request) => checkJson(request, deleteSchema),
    answer: ({ text }) => {
      const parcel = parcels.find(String(deleteSchema.parse(JSON.parse(text)).shipmentId));
      if (!parcel || parcel.state === "voided" || parcel.happened > 0)
        return { body: { state: false, err: "Pošiljka se ne može obrisati" } };
      parcel.state = "voided";
      return { body: { state: true, err: "" } };
    },
  };
}

function stateRoute(parcels: ParcelStore, ways: { plain: boolean }): HostRoute {
  return {
    operation: "track",
    method: "GET",
    path: "/ship/api/Ship/getstate",
    check: ({ query }) =>
      ["shipmentid", "mtype", "lang"]
        .filter((name) => !/^\d+$/.test(query.get(name) ?? ""))
        .map((name) => `${name} is no number`),
    answer: ({ query }) => {
      const parcel = parcels.find(query.get("shipmentid") ?? "");
      if (!parcel) return { status: 404, body: "Not found" };
      if (parcel.state === "voided") return { body: { status: 5, statusText: "obrisana" } };
      const [latest] = parcels.history(parcel.number);
      if (!latest) return { body: { status: 0, statusText: "nije poslata" } };
      if (ways.plain) return { body: latest.text };
      return {
        body: {
          status: Number(latest.code),
          statusText: latest.text,
          deliveryDate: latest.code === "2" ? "16.01.2026" : null,
          sendDate: "15.01.2026",
          note: latest.code === "2" ? "Potpisao: Ana Anić" : "",
        },
      };
    },
  };
}

function journey(): HostScan[] {
  const at = new Date(Date.UTC(2026, 0, 15));
  return [
    { code: "4", text: "preuzeta", place: "", at },
    { code: "1", text: "u transportu", place: "", at },
    { code: "2", text: "isporučena", place: "", at },
  ];
}
