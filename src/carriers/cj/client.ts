import { z } from "zod";
import type { OutsideAnswer } from "../../outside/outside-client.ts";
import {
  type CarrierCall,
  type CarrierHost,
  type CarrierSaid,
  createCarrierHost,
  readJson,
} from "../answers.ts";
import { CarrierUnavailable } from "../carrier.ts";
import { withHidden401 } from "../hidden-401.ts";
import { jsonPost, parsedJson } from "../json-body.ts";
import { createToken, type FreshToken } from "../token.ts";
import type { CarrierTools } from "../tools.ts";
import { instantOf } from "../wall-clock.ts";
import type { CjSettings } from "./settings.ts";

export const CJ = { code: "cj", name: "CJ Logistics" } as const;
export const SEOUL = "Asia/Seoul";

const resultSchema = z.object({ RESULT_CD: z.string(), RESULT_DETAIL: z.string().nullish() });
const tokenSchema = z.object({
  DATA: z.object({ TOKEN_NUM: z.string().trim().min(1), TOKEN_EXPRTN_DTM: z.string().nullish() }),
});

export interface CjClient {
  /** Throws when CJ says no, unless with one of the codes that are fine. */
  run<Shape>(resource: string, asked: CjQuestion<Shape>): Promise<Shape>;
}

export interface CjQuestion<Shape> {
  operation: string;
  data: Readonly<Record<string, unknown>>;
  shape: z.ZodType<Shape>;
  buys?: boolean;
  repeatable?: boolean;
}

/** Everything is a POST of `{DATA}`, answered with 200 and a RESULT_CD that begins with S, or says what is wrong. */
export function createCjClient(settings: CjSettings, { outside, now }: CarrierTools): CjClient {
  const options = {
    client: outside({ service: CJ.code, baseUrl: settings.baseUrl }),
    name: CJ.name,
    readError: readNo,
    readHiddenError: readNo,
    now,
  };
  const open = createCarrierHost(options);
  const host = createCarrierHost({
    ...options,
    client: withHidden401(options.client, (body) => resultIn(body)?.RESULT_CD === TOKEN_IS_BAD),
    token: createToken(createTokenFetcher(open, settings, now), now),
    authorize: withToken,
  });
  return {
    run: async (resource, { operation, data, shape, buys = false, repeatable = false }) => {
      const call = { ...post(operation, resource, data), buys, repeatable };
      return readJson(await host.ask(call), { name: CJ.name, call, shape });
    },
  };
}

const TOKEN_IS_BAD = "E401";
/** Goods may arrive late at this address, but they arrive. */
const FINE = new Set(["-20010"]);

function readNo({ body }: OutsideAnswer): CarrierSaid | undefined {
  const result = resultIn(body);
  if (!result) return undefined; // whoever asked finds that it can't be read
  const { RESULT_CD, RESULT_DETAIL } = result;
  if (/^s/i.test(RESULT_CD) || FINE.has(RESULT_CD)) return undefined;
  return { code: RESULT_CD, message: RESULT_DETAIL || "no reason given" };
}

function resultIn(body: Buffer): z.output<typeof resultSchema> | undefined {
  const read = resultSchema.safeParse(parsedJson(body));
  return read.success ? read.data : undefined;
}

/** The token goes into the header, and into the body as well. */
function withToken(call: CarrierCall, token: string): CarrierCall {
  const { DATA } = JSON.parse(String(call.body)) as { DATA: object };
  return {
    ...call,
    headers: { ...call.headers, "CJ-Gateway-APIKey": token },
    body: JSON.stringify({ DATA: { ...DATA, TOKEN_NUM: token } }),
  };
}

const DAY_SECONDS = 86_400;
/** Whoever asks for tokens more often is locked out; CJ wants a minute after a token that was refused. */
const BETWEEN_TOKENS_MS = 1000;
const PATIENCE_SECONDS = 60;

function createTokenFetcher(
  open: CarrierHost,
  { customerId, businessNumber }: CjSettings,
  now: () => Date,
): () => Promise<FreshToken<string>> {
  let asked_at = Number.NEGATIVE_INFINITY;
  return async () => {
    const at = now().getTime();
    if (at - asked_at < BETWEEN_TOKENS_MS)
      throw new CarrierUnavailable("CJ gives out one token a second at most", PATIENCE_SECONDS);
    asked_at = at;
    const data = { CUST_ID: customerId, BIZ_REG_NUM: businessNumber };
    const { DATA } = await open.askJson(post("fetch_token", "ReqOneDayToken", data), tokenSchema);
    const until = instantOf(DATA.TOKEN_EXPRTN_DTM ?? "", SEOUL);
    const seconds = until ? Math.floor((until.getTime() - at) / 1000) : DAY_SECONDS;
    return { value: DATA.TOKEN_NUM, expiresInSeconds: Math.max(1, Math.min(seconds, DAY_SECONDS)) };
  };
}

function post(operation: string, path: string, DATA: Readonly<Record<string, unknown>>) {
  return jsonPost(operation, path, { DATA }, { accept: "application/json" });
}
