import { z } from "zod";
import type { OutsideClient } from "../../outside/outside-client.ts";
import {
  type CarrierCall,
  type CarrierHost,
  type CarrierHostOptions,
  createCarrierHost,
} from "../answers.ts";
import { CarrierRefusal } from "../carrier.ts";
import { createToken, type FreshToken, type Token } from "../token.ts";
import type { CarrierTools } from "../tools.ts";
import { readError, readHiddenError } from "./errors.ts";
import type { UspsSettings } from "./settings.ts";

const tokenSchema = z.object({
  access_token: z.string().min(1),
  expires_in: z.coerce.number().positive(),
  scope: z.string().optional(),
});
const paymentSchema = z.object({ paymentAuthorizationToken: z.string().min(1) });

/** Said of a number of which there is no scan yet, or which is none. */
const NOTHING_KNOWN = ["-2147219283", "-2147219302"];

const PAYMENT_TOKEN_SECONDS = 8 * 3600;

interface LabelTokens {
  access: string;
  payment: string;
}

export interface UspsHosts {
  /** Buying and giving back also needs to know who pays. */
  labels: CarrierHost;
  tracking: CarrierHost;
}

export function createUspsHosts(settings: UspsSettings, tools: CarrierTools): UspsHosts {
  const client = tools.outside({ service: "usps", baseUrl: settings.baseUrl });
  const now = () => tools.now();
  const options = { client, name: "USPS", readError, readHiddenError, absent: NOTHING_KNOWN, now };
  const access = createToken(() => fetchToken(client, settings, now), now);
  const withAccess = createCarrierHost({ ...options, token: access });
  const payment = createToken(() => fetchPaymentToken(withAccess, settings), now);
  return { labels: createCarrierHost(withPayment(options, access, payment)), tracking: withAccess };
}

/** A label that is refused with 401 doesn't say which of the two tokens is too old, so both are renewed. */
function withPayment(
  options: Omit<CarrierHostOptions<LabelTokens>, "token" | "authorize">,
  access: Token,
  payment: Token,
): CarrierHostOptions<LabelTokens> {
  return {
    ...options,
    token: {
      get: async () => ({ access: await access.get(), payment: await payment.get() }),
      renew: async (used) => ({
        access: await access.renew(used.access),
        payment: await payment.renew(used.payment),
      }),
    },
    authorize: (call: CarrierCall, tokens) => ({
      ...call,
      headers: {
        ...call.headers,
        authorization: `Bearer ${tokens.access}`,
        "x-payment-authorization-token": tokens.payment,
      },
    }),
  };
}

async function fetchToken(
  client: OutsideClient,
  { clientId, clientSecret }: UspsSettings,
  now: () => Date,
): Promise<FreshToken<string>> {
  const host = createCarrierHost({ client, name: "USPS", readError, now });
  const credentials = { grant_type: "client_credentials", client_id: clientId, client_secret: clientSecret };
  const call = {
    operation: "fetch_token",
    method: "POST",
    path: "oauth2/v3/token",
    headers: { "content-type": "application/x-www-form-urlencoded", accept: "application/json" },
    body: new URLSearchParams(credentials).toString(),
    repeatable: true,
  } as const;
  const { access_token, expires_in, scope } = await host.askJson(call, tokenSchema);
  if (scope?.trim() === "")
    throw new CarrierRefusal(
      "USPS gave a token that is good for nothing: the app has no products",
      "NO_SCOPE",
    );
  return { value: access_token, expiresInSeconds: expires_in };
}

async function fetchPaymentToken(
  host: CarrierHost,
  { crid, mid, manifestMid, accountType, accountNumber }: UspsSettings,
): Promise<FreshToken<string>> {
  const payer = { roleName: "PAYER", CRID: crid, accountType, accountNumber };
  const owner = { roleName: "LABEL_OWNER", CRID: crid, MID: mid, manifestMID: manifestMid };
  const call = {
    operation: "fetch_payment_token",
    method: "POST",
    path: "payments/v3/payment-authorization",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ roles: [payer, owner] }),
    repeatable: true,
  } as const;
  const { paymentAuthorizationToken } = await host.askJson(call, paymentSchema);
  return { value: paymentAuthorizationToken, expiresInSeconds: PAYMENT_TOKEN_SECONDS };
}
