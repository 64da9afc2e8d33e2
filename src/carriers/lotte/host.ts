import { z } from "zod";
import type { OutsideAnswer } from "../../outside/outside-client.ts";
import { type CarrierHost, type CarrierSaid, createCarrierHost } from "../answers.ts";
import { withHeaders } from "../fixed-headers.ts";
import { parsedJson } from "../json-body.ts";
import type { CarrierTools } from "../tools.ts";
import type { LotteSettings } from "./settings.ts";
import { LOTTE } from "./waybills.ts";

/** What Lotte says when it knows neither the waybill nor the order. */
const UNKNOWN_NUMBER = "UNKNOWN_NUMBER";

/** The customer's code was not registered for tracking, or the key is none. */
export const NOT_LINKED = "EGTA4011";

export function createLotteHost(
  { baseUrl, apiKey }: LotteSettings,
  { outside, now }: CarrierTools,
): CarrierHost {
  return createCarrierHost({
    client: withHeaders(outside({ service: LOTTE.code, baseUrl }), { authorization: `IgtAK ${apiKey}` }),
    name: LOTTE.name,
    readError: readNo,
    readHiddenError: readNo,
    absent: [UNKNOWN_NUMBER],
    now,
  });
}

const noSchema = z.object({
  code: z.string().nullish(),
  status: z.string().nullish(),
  message: z.string().nullish(),
});

/** `{code, message}` of the gateway and of tracking, where S is good; `{status, message}` of bookings. */
function readNo({ body }: OutsideAnswer): CarrierSaid | undefined {
  const read = noSchema.safeParse(parsedJson(body));
  if (!read.success) return undefined; // whoever asked finds that it can't be read
  const { code, status, message } = read.data;
  if (code ? code === "S" : !status || /^(s|success)$/i.test(status)) return undefined;
  const unknown = code !== NOT_LINKED && /없습니다|없음/.test(message ?? "");
  return { code: unknown ? UNKNOWN_NUMBER : (code ?? ""), message: message || "no reason given" };
}
