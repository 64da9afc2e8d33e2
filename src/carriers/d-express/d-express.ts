import { requireParts } from "../address-parts.ts";
import { type CarrierHost, createCarrierHost, unreadable } from "../answers.ts";
import {
  type Carrier,
  type CarrierCapabilities,
  CarrierRefusal,
  type LabelPurchase,
  type LabelRequest,
} from "../carrier.ts";
import { basicAuthorization, withHeaders } from "../fixed-headers.ts";
import { jsonPost } from "../json-body.ts";
import { drawLabel } from "../own-label.ts";
import type { CarrierTools } from "../tools.ts";
import { announcementOf } from "./announcement.ts";
import { createNotificationReader } from "./notification.ts";
import type { DExpressSettings } from "./settings.ts";
import { createTownFinder } from "./towns.ts";

const D_EXPRESS = { code: "d_express", name: "D Express" } as const;

function capabilitiesOf({ passcodes }: DExpressSettings): CarrierCapabilities {
  return {
    labelFormats: [],
    // The package codes are ours and the same at every try, so a repeated announcement is still the first one.
    repeat: "idempotent",
    voidsLabels: false,
    tracking: passcodes.length > 0 ? "push" : "none",
    trackingBatchSize: 1,
    minPollSeconds: 0,
    rateLimit: null,
  };
}

/** In words, for there is no code: this reference, or this package code, is announced already. */
const ANNOUNCED_ALREADY =
  /(?<!\p{L})ve[cć](?!\p{L}).{0,40}(postoji|poslat|evidentiran|iskori[sš][cć]en)|dupli|already|unique/iu;

/** Parcels announced to D Express in Serbia: we number them, draw their labels, and are told where they are. */
export function createDExpressCarrier(settings: DExpressSettings, tools: CarrierTools): Carrier {
  const host = hostOf(settings, tools);
  const townOf = createTownFinder(host, { known: settings.towns, now: tools.now });
  return {
    ...D_EXPRESS,
    capabilities: capabilitiesOf(settings),
    createLabel: async (request) => {
      requireParts(D_EXPRESS.name, { from: request.from, to: request.to }, ["street", "city"]);
      const towns = { from: await townOf(request.from), to: await townOf(request.to) };
      const codes = await takeCodes(request, settings, tools);
      await announce(host, announcementOf({ request, towns, codes }, settings));
      return labelsOf(request, codes, { settings, tools });
    },
    parseWebhook: createNotificationReader(settings, D_EXPRESS.code),
  };
}

function hostOf(
  { baseUrl, username, password }: DExpressSettings,
  { outside, now }: CarrierTools,
): CarrierHost {
  const headers = { ...basicAuthorization(username, password), accept: "application/json" };
  return createCarrierHost({
    client: withHeaders(outside({ service: D_EXPRESS.code, baseUrl }), headers),
    name: D_EXPRESS.name,
    readError: ({ body }) => readRefusal(body.toString("utf8")),
    now,
  });
}

async function takeCodes(
  { reference, packages }: LabelRequest,
  { codes: { prefix, first, last } }: DExpressSettings,
  { takeNumber }: CarrierTools,
): Promise<Map<number, string>> {
  const range = { name: `${D_EXPRESS.code}:${prefix}`, first: BigInt(first), last: BigInt(last) };
  const codes = new Map<number, string>();
  for (const { sequence_number } of packages) {
    const number = await takeNumber(range, `${reference}-${sequence_number}`);
    codes.set(sequence_number, `${prefix}${String(number).padStart(10, "0")}`);
  }
  return codes;
}

/** `OK`, or `TEST` with a test account; anything else, also with a 200, says what is wrong. */
async function announce(host: CarrierHost, announcement: unknown): Promise<void> {
  const call = { ...jsonPost("create_label", "data/addshipment", announcement), buys: true };
  try {
    const said = unquoted((await host.ask(call)).body.toString("utf8"));
    if (said === "OK" || said === "TEST") return;
    if (said === "" || said.startsWith("<")) throw unreadable("D Express's answer", call, said);
    throw new CarrierRefusal(`D Express refused the shipment: ${said.slice(0, 500)}`);
  } catch (error) {
    if (!(error instanceof CarrierRefusal && ANNOUNCED_ALREADY.test(error.message))) throw error;
  }
}

function labelsOf(
  request: LabelRequest,
  codes: ReadonlyMap<number, string>,
  { settings, tools }: { settings: DExpressSettings; tools: CarrierTools },
): LabelPurchase {
  const labels = request.packages.map((box) =>
    drawLabel(tools, {
      carrier_name: D_EXPRESS.name,
      format: settings.labelFormat,
      request,
      box,
      tracking_number: codes.get(box.sequence_number) as string,
    }),
  );
  return { labels };
}

/** An error of its framework: `{"Message": …, "ModelState": {"field": ["what is wrong"]}}`. */
function readRefusal(text: string) {
  const { Message = "", ModelState = {} } = JSON.parse(text) as {
    Message?: string;
    ModelState?: Record<string, string[]>;
  };
  const fields = Object.entries(ModelState).map(([field, problems]) => `${field}: ${problems.join(", ")}`);
  return { code: "", message: [Message, ...fields].join(" ").slice(0, 500) };
}

function unquoted(text: string): string {
  return text.trim().replace(/^"(.*)"$/s, "$1");
}
