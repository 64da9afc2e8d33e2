import { z } from "zod";
import { type HostRoute, type RunningHost, startHost } from "./host.ts";
import { checkJson, type HostAnswer } from "./http-messages.ts";
import { createParcelStore, type ParcelStore } from "./parcel-store.ts";

/** Written from the fulfillment flow's words on the delivery service: an address by order, and shipments. */
export const DELIVERY_TOKEN = "delivery-token-0123456789";

type Shipment = z.output<typeof shipmentSchema>;

interface Office {
  parcels: ParcelStore<Shipment>;
  url: string;
}

export interface DeliveryServiceHost extends RunningHost {
  readonly parcels: ParcelStore<Shipment>;
}

/** Order 4711 has an address here; no provider but ACS gives a label. */
export async function startDeliveryServiceHost(): Promise<DeliveryServiceHost> {
  const office: Office = { parcels: createParcelStore<Shipment>(), url: "" };
  const running = await startHost({
    code: "delivery_service",
    routes: [addressRoute(), shipmentRoute(office), fileRoute(office)],
    authorize: ({ headers }) =>
      headers["authorization"] === `Bearer ${DELIVERY_TOKEN}`
        ? undefined
        : { status: 401, body: { error: { code: "unauthorized", message: "who are you?" } } },
    refuse: ({ status, code, message }) => ({ status, body: { error: message, code: code ?? status } }),
  });
  office.url = running.url;
  return { ...running, parcels: office.parcels };
}

function addressRoute(): HostRoute {
  return {
    operation: "find_address",
    method: "GET",
    path: "/api/v1/delivery/addresses/order/:id",
    check: () => [],
    answer: ({ params }) => {
      if (params["id"] !== "4711") return { status: 404, body: { error: "address not found" } };
      return {
        body: {
          street: "Knez Mihailova 1",
          city: "Beograd",
          postal_code: "11000",
          country: "RS",
          contact_name: "Ana Anić",
          phone: "+381641234567",
        },
      };
    },
  };
}

const address = z.strictObject({
  street: z.string().min(1),
  city: z.string().min(1),
  postal_code: z.string(),
  country: z.string().length(2),
  contact_name: z.string(),
  phone: z.string(),
});
const shipmentSchema = z.strictObject({
  order_id: z.union([z.int().positive(), z.string().min(1)]),
  warehouse_id: z.int().positive(),
  provider: z.string().min(1),
  from_address: address,
  to_address: address,
  package: z.strictObject({
    weight: z.number().positive(),
    length: z.number(),
    width: z.number(),
    height: z.number(),
    description: z.string(),
  }),
  user_id: z.int().nonnegative(),
});

const PROVIDERS = ["PostExpress", "D Express", "ACS", "Bex", "YunExpress"];

function shipmentRoute(office: Office): HostRoute {
  return {
    operation: "create_label",
    method: "POST",
    path: "/api/v1/shipments",
    check: (request) => checkJson(request, shipmentSchema),
    answer: ({ text }) => ship(office, shipmentSchema.parse(JSON.parse(text))),
  };
}

function ship({ parcels, url }: Office, details: Shipment): HostAnswer {
  const { provider } = details;
  if (!PROVIDERS.includes(provider))
    return { status: 422, body: { error: { code: "unknown_provider", message: `no provider ${provider}` } } };
  const id = 9001 + parcels.all().length;
  const number = `DS${String(id).padStart(10, "0")}`;
  const label = Buffer.from(`%PDF-1.4\n% ${number}\n%%EOF`);
  parcels.add({ number, reference: String(details.order_id), label, scans: [], details });
  const label_url = provider === "ACS" ? `${url}/files/${number}.pdf` : undefined;
  const estimated_delivery = "2026-01-20T00:00:00Z";
  return {
    status: 201,
    body: { id, tracking_number: number, label_url, provider, status: "created", estimated_delivery },
  };
}

function fileRoute({ parcels }: Office): HostRoute {
  return {
    operation: "download_label",
    method: "GET",
    path: "/files/:name",
    open: true,
    check: ({ headers }) => (headers["authorization"] ? ["the token went to a stranger"] : []),
    answer: ({ params }) => {
      const parcel = parcels.find((params["name"] as string).replace(/\.pdf$/, ""));
      return parcel
        ? { headers: { "content-type": "application/pdf" }, body: parcel.label }
        : { status: 404, body: "not found" };
    },
  };
}
