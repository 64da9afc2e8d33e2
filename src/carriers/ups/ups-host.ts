import { z } from "zod";
import type { OutsideAnswer, OutsideClient } from "../../outside/outside-client.ts";
import { type CarrierHost, type CarrierSaid, createCarrierHost } from "../answers.ts";
import { createToken, type FreshToken } from "../token.ts";
import type { CarrierTools } from "../tools.ts";
import type { UpsSettings } from "./settings.ts";

const errorsSchema = z.object({
  errors: z.array(z.object({ code: z.coerce.string(), message: z.string().default("") })).min(1),
});

/** The gateway in front of the APIs leaves out the envelope. */
const errorAnswerSchema = z.union([
  z.object({ response: errorsSchema }).transform(({ response }) => response),
  errorsSchema,
]);

/** Both numbers are texts. */
const tokenSchema = z.object({ access_token: z.string().min(1), expires_in: z.coerce.number().positive() });

export function createUpsHost(settings: UpsSettings, tools: CarrierTools): CarrierHost {
  const client = tools.outside({ service: "ups", baseUrl: settings.baseUrl });
  const now = () => tools.now();
  return createCarrierHost({
    client,
    name: "UPS",
    readError,
    readHiddenError,
    meanings: { "10429": "unavailable" },
    absent: ["TW0001", "TV1002"],
    token: createToken(() => fetchToken(client, settings, now), now),
    now,
  });
}

/** Headers that UPS wants with every call; the id is at most 32 characters. */
export function transaction(id: string): Record<string, string> {
  return { transId: id.replaceAll("-", "").slice(0, 32), transactionSrc: "warehouse-service" };
}

function readError(answer: OutsideAnswer): CarrierSaid | undefined {
  const [first, ...more] = errorAnswerSchema.parse(JSON.parse(answer.body.toString("utf8"))).errors;
  return first && { code: first.code, message: [first, ...more].map(({ message }) => message).join(" ") };
}

function readHiddenError(answer: OutsideAnswer): CarrierSaid | undefined {
  return /^\s*\{\s*"(response|errors)"/.test(answer.body.toString("latin1", 0, 60))
    ? readError(answer)
    : undefined;
}

async function fetchToken(
  client: OutsideClient,
  { clientId, clientSecret, merchantId }: UpsSettings,
  now: () => Date,
): Promise<FreshToken<string>> {
  const host = createCarrierHost({ client, name: "UPS", readError, now });
  const credentials = Buffer.from(`${clientId}:${clientSecret}`).toString("base64");
  const call = {
    operation: "fetch_token",
    method: "POST",
    path: "security/v1/oauth/token",
    headers: {
      authorization: `Basic ${credentials}`,
      "content-type": "application/x-www-form-urlencoded",
      ...(merchantId ? { "x-merchant-id": merchantId } : {}),
    },
    body: "grant_type=client_credentials",
    repeatable: true,
  } as const;
  const { access_token, expires_in } = await host.askJson(call, tokenSchema);
  return { value: access_token, expiresInSeconds: expires_in };
}
