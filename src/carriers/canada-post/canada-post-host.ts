import { z } from "zod";
import type { OutsideAnswer } from "../../outside/outside-client.ts";
import {
  type CarrierCall,
  type CarrierHost,
  type CarrierSaid,
  createCarrierHost,
  unreadable,
} from "../answers.ts";
import { basicAuthorization, withHeaders } from "../fixed-headers.ts";
import { oneOrMore } from "../one-or-more.ts";
import type { CarrierTools } from "../tools.ts";
import { createXmlReader, xmlText } from "../xml.ts";
import type { CanadaPostSettings } from "./settings.ts";

export const SHIPMENT_TYPE = "application/vnd.cpc.shipment-v8+xml";
export const TRACKING_TYPE = "application/vnd.cpc.track-v2+xml";

const readXml = createXmlReader(["link", "message", "occurrence", "price-quote"]);

const messageSchema = z.object({ code: xmlText, description: xmlText });
const messagesSchema = z.object({
  messages: z.union([z.object({ message: oneOrMore(messageSchema) }), z.literal("")]),
});

/** "No Pin History": it has not been scanned yet. */
const NOTHING_KNOWN = ["004"];

/** Ours, for a refusal of the gateway in front, whose own code is as good as none. */
const THROTTLED = "SLM_MONITOR";
const THROTTLED_SECONDS = 60;

export function createCanadaPostHost(settings: CanadaPostSettings, tools: CarrierTools): CarrierHost {
  const client = tools.outside({ service: "canada_post", baseUrl: settings.baseUrl });
  const headers = { ...basicAuthorization(settings.username, settings.password), "accept-language": "en-CA" };
  return createCarrierHost({
    client: withHeaders(client, headers),
    name: "Canada Post",
    readError,
    readHiddenError,
    meanings: { [THROTTLED]: "unavailable" },
    patience: { [THROTTLED]: THROTTLED_SECONDS },
    absent: NOTHING_KNOWN,
    now: () => tools.now(),
  });
}

function readError(answer: OutsideAnswer): CarrierSaid {
  const { messages } = messagesSchema.parse(readXml(answer.body.toString("utf8")));
  const [first, ...more] = messages === "" ? [] : messages.message;
  const message = [first, ...more].map((one) => one?.description ?? "").join(" ");
  if (/SLM Monitor/i.test(message)) return { code: THROTTLED, message };
  return { code: first?.code ?? "", message: message || "it gives no reason" };
}

/** A list of messages, even an empty one, is a no, whatever its status. */
function readHiddenError(answer: OutsideAnswer): CarrierSaid | undefined {
  return /<(\w+:)?messages\b/.test(answer.body.toString("latin1", 0, 300)) ? readError(answer) : undefined;
}

/** Reads the XML of a call that succeeded; what can't be read is as good as lost. */
export function readDocument<Shape>(
  { body }: OutsideAnswer,
  call: CarrierCall,
  shape: z.ZodType<Shape>,
): Shape {
  try {
    return shape.parse(readXml(body.toString("utf8")));
  } catch (error) {
    throw unreadable(`Canada Post's answer to ${call.operation}`, call, error);
  }
}

/**
 * Where a link leads, on the host of the settings: credentials go nowhere else, whatever host the link names. Relative
 * to the base, which may have a path of its own.
 */
export function pathOf(href: string, { baseUrl }: Pick<CanadaPostSettings, "baseUrl">): string {
  if (href.startsWith(baseUrl)) return href.slice(baseUrl.length);
  const { pathname, search } = new URL(href, baseUrl);
  return `${pathname.replace(/^\/+/, "")}${search}`;
}
