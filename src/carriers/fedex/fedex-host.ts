import { z } from "zod";
import type { OutsideAnswer, OutsideClient } from "../../outside/outside-client.ts";
import { type CarrierHost, type CarrierSaid, createCarrierHost } from "../answers.ts";
import { createToken, type FreshToken } from "../token.ts";
import type { CarrierTools } from "../tools.ts";
import type { FedexSettings } from "./settings.ts";

const errorsSchema = z.object({
  errors: z.array(z.object({ code: z.string(), message: z.string().default("") })).min(1),
});
const tokenSchema = z.object({ access_token: z.string().min(1), expires_in: z.coerce.number().positive() });

export interface FedexHosts {
  ship: CarrierHost;
  track: CarrierHost;
}

export function createFedexHosts(settings: FedexSettings, tools: CarrierTools): FedexHosts {
  const client = tools.outside({ service: "fedex", baseUrl: settings.baseUrl });
  const now = () => tools.now();
  const hostFor = (project: Project) =>
    createCarrierHost({
      client,
      name: "FedEx",
      readError,
      readHiddenError: readErrors,
      token: createToken(() => fetchToken(client, { ...settings, ...project }, now), now),
      now,
    });
  const ship = hostFor(settings);
  return { ship, track: settings.tracking ? hostFor(settings.tracking) : ship };
}

type Project = Pick<FedexSettings, "clientId" | "clientSecret">;

function readError(answer: OutsideAnswer): CarrierSaid | undefined {
  const [first, ...more] = errorsSchema.parse(JSON.parse(answer.body.toString("utf8"))).errors;
  return first && { code: first.code, message: [first, ...more].map(({ message }) => message).join(" ") };
}

/** FedEx also puts `errors` into an answer of 200; a label or a timeline is no reason to parse the body twice. */
function readErrors(answer: OutsideAnswer): CarrierSaid | undefined {
  return answer.body.includes('"errors"') ? readError(answer) : undefined;
}

/** The token endpoint answers whoever asks too often with 403, for ten minutes. */
const TOKEN_THROTTLED_SECONDS = 600;

async function fetchToken(
  client: OutsideClient,
  { clientId, clientSecret, child }: Pick<FedexSettings, "clientId" | "clientSecret" | "child">,
  now: () => Date,
): Promise<FreshToken<string>> {
  const throttled = { "FORBIDDEN.ERROR": TOKEN_THROTTLED_SECONDS, "403": TOKEN_THROTTLED_SECONDS };
  const host = createCarrierHost({
    client,
    name: "FedEx",
    readError,
    meanings: { "FORBIDDEN.ERROR": "unavailable", "403": "unavailable" },
    patience: throttled,
    now,
  });
  const grant = child
    ? { grant_type: "csp_credentials", child_Key: child.key, child_secret: child.secret }
    : { grant_type: "client_credentials" };
  const call = {
    operation: "fetch_token",
    method: "POST",
    path: "oauth/token",
    headers: { "content-type": "application/x-www-form-urlencoded", accept: "application/json" },
    body: new URLSearchParams({ ...grant, client_id: clientId, client_secret: clientSecret }).toString(),
    repeatable: true,
  } as const;
  const { access_token, expires_in } = await host.askJson(call, tokenSchema);
  return { value: access_token, expiresInSeconds: expires_in };
}
