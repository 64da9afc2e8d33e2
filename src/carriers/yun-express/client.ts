import { createHmac } from "node:crypto";
import { z } from "zod";
import type { OutsideAnswer } from "../../outside/outside-client.ts";
import { type CarrierCall, type CarrierHost, type CarrierSaid, createCarrierHost } from "../answers.ts";
import { withHidden401 } from "../hidden-401.ts";
import { jsonPost, parsedJson } from "../json-body.ts";
import { createToken } from "../token.ts";
import type { CarrierTools } from "../tools.ts";
import type { YunExpressSettings } from "./settings.ts";

export const YUN_EXPRESS = { code: "yun_express", name: "YunExpress" } as const;

const failureSchema = z.object({
  success: z.literal(false),
  code: z.union([z.string(), z.number()]).nullish(),
  msg: z.string().nullish(),
  message: z.string().nullish(),
});

const tokenSchema = z.object({
  accessToken: z.string().min(1),
  expiresIn: z.coerce.number().positive().default(7200),
});

export interface YunExpressHosts {
  /** Every call carries a token, the time, and a signature over itself. */
  api: CarrierHost;
  /** Whatever needs no credentials, and must not see them: the token, and files somewhere else. */
  open: CarrierHost;
}

/** The token, or what is signed with it, is wrong or too old. */
const TOKEN_IS_BAD = /^(0200)?401/;
/** The same order came a moment ago, and is being worked on. */
const STILL_AT_IT = "02039015";

/** What went wrong stands in a 200. */
export function createYunExpressHosts(
  settings: YunExpressSettings,
  { outside, now }: CarrierTools,
): YunExpressHosts {
  const options = {
    client: outside({ service: YUN_EXPRESS.code, baseUrl: settings.baseUrl }),
    name: YUN_EXPRESS.name,
    readError: readFailure,
    readHiddenError: readFailure,
    meanings: { [STILL_AT_IT]: "uncertain" as const },
    now,
  };
  const open = createCarrierHost(options);
  const api = createCarrierHost({
    ...options,
    client: withHidden401(options.client, (body) => TOKEN_IS_BAD.test(failureIn(body)?.code ?? "")),
    token: createToken(() => fetchToken(open, settings), now),
    authorize: (call, token) => signed(call, { token, settings, now: now() }),
  });
  return { api, open };
}

/** Signs `body=…&date=…&method=…&uri=…`, without the body where there is none. */
function signed(
  call: CarrierCall,
  { token, settings, now }: { token: string; settings: YunExpressSettings; now: Date },
): CarrierCall {
  const date = String(now.getTime());
  const uri = `/${settings.signQuery ? call.path : call.path.split("?")[0]}`;
  const body = call.body === undefined ? "" : `body=${String(call.body)}&`;
  const sign = createHmac("sha256", settings.appSecret)
    .update(`${body}date=${date}&method=${call.method}&uri=${uri}`)
    .digest("base64");
  return { ...call, headers: { ...call.headers, token, date, sign } };
}

async function fetchToken(open: CarrierHost, { appId, appSecret, sourceKey }: YunExpressSettings) {
  const grant = { grantType: "client_credentials", appId, appSecret, sourceKey };
  const call = { ...jsonPost("fetch_token", "openapi/oauth2/token", grant), repeatable: true };
  const { accessToken, expiresIn } = await open.askJson(call, tokenSchema);
  return { value: accessToken, expiresInSeconds: expiresIn };
}

function readFailure({ body }: OutsideAnswer): CarrierSaid | undefined {
  return failureIn(body);
}

function failureIn(body: Buffer): CarrierSaid | undefined {
  const read = failureSchema.safeParse(parsedJson(body));
  if (!read.success) return undefined;
  const { code, msg, message } = read.data;
  return { code: String(code ?? ""), message: msg || message || "no reason given" };
}
