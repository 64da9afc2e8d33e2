import { randomUUID } from "node:crypto";
import { z } from "zod";
import { type CarrierCall, type CarrierHost, createCarrierHost, readJson, unreadable } from "../answers.ts";
import { CarrierRefusal, CarrierUnavailable, CarrierUncertain } from "../carrier.ts";
import { jsonPost } from "../json-body.ts";
import { stableUuid } from "../stable-uuid.ts";
import type { CarrierTools } from "../tools.ts";
import type { PostExpressSettings } from "./settings.ts";

export const POST_EXPRESS = { code: "post_express", name: "PostExpress" } as const;

const B2B_SERVICE = 101;
const AS_JSON = 2;

/** Some programs see texts that are JSON where others see the objects themselves. */
const jsonText = z.preprocess(
  (value) => (typeof value === "object" && value !== null ? JSON.stringify(value) : value),
  z.string().nullish(),
);
const answerSchema = z.object({ Rezultat: z.coerce.number(), StrOut: jsonText, StrRezultat: jsonText });
type Answer = z.output<typeof answerSchema>;

export interface Transaction {
  operation: string;
  /** 73: announce, 63: where is it. */
  kind: number;
  /** Whatever is sent again under the same key can be known by it; left out: it is asked anew. */
  key?: string;
  input: unknown;
  buys?: boolean;
}

export interface PostExpressClient {
  /** What a transaction gave, as an object; throws when Pošta says no. */
  run(transaction: Transaction): Promise<unknown>;
}

/** One endpoint for everything: JSON in which the login, the input and the output are texts that are JSON again. */
export function createPostExpressClient(
  settings: PostExpressSettings,
  { outside, now }: CarrierTools,
): PostExpressClient {
  const host = createCarrierHost({
    client: outside({ service: POST_EXPRESS.code, baseUrl: settings.baseUrl }),
    name: POST_EXPRESS.name,
    readError: () => undefined,
    now,
  });
  return { run: (transaction) => run(host, settings, transaction) };
}

async function run(host: CarrierHost, settings: PostExpressSettings, transaction: Transaction) {
  const { operation, buys = false } = transaction;
  const call: CarrierCall = { ...jsonPost(operation, "transakcija", bodyOf(settings, transaction)), buys };
  const answer = readJson(await host.ask(call), { name: POST_EXPRESS.name, call, shape: answerSchema });
  if (answer.Rezultat !== 0) throw failureOf(answer, transaction);
  return parsedOutput(answer, call);
}

/** `IdVrstaTranskacije` is spelt so. */
function bodyOf(settings: PostExpressSettings, { kind, key, input }: Transaction) {
  const { username, password, language, partnerId } = settings;
  const client = {
    Username: username,
    Password: password,
    Jezik: language,
    IdTipUredjaja: "2",
    IdPartnera: partnerId,
  };
  return {
    StrKlijent: JSON.stringify(client),
    Servis: B2B_SERVICE,
    IdVrstaTranskacije: kind,
    TipSerijalizacije: AS_JSON,
    IdTransakcija: key === undefined ? randomUUID() : stableUuid(`post_express ${partnerId} ${kind} ${key}`),
    StrIn: JSON.stringify(input),
  };
}

/** Their database, or what is in front of it, gave up in the middle. */
const BROKE_DOWN = /ORA-\d|ODP gre|tehni[cč]k|kasnije|timeout/i;

/**
 * A no from outside the transaction. When a transaction that buys broke down, or its inside looks as if it went well,
 * nobody can say from here whether it was done.
 */
function failureOf(
  { Rezultat, StrOut, StrRezultat }: Answer,
  { operation, buys = false }: Transaction,
): Error {
  const reason = reasonIn(StrRezultat);
  const text = `PostExpress answered ${operation} with Rezultat ${Rezultat}: ${reason}`;
  const unclear = BROKE_DOWN.test(reason) || /"PrijemniBroj"\s*:\s*"[^"]/.test(StrOut ?? "");
  if (!unclear) return new CarrierRefusal(text, String(Rezultat));
  return buys ? new CarrierUncertain(text) : new CarrierUnavailable(text);
}

function reasonIn(text: string | null | undefined): string {
  try {
    const { Poruka, PorukaKorisnik } = JSON.parse(text ?? "") as { Poruka?: string; PorukaKorisnik?: string };
    return [...new Set([PorukaKorisnik, Poruka].filter(Boolean))].join("; ") || "no reason given";
  } catch {
    return text?.slice(0, 200) || "no reason given";
  }
}

function parsedOutput({ StrOut }: Answer, call: CarrierCall): unknown {
  try {
    return JSON.parse(StrOut ?? "");
  } catch (error) {
    throw unreadable(`${POST_EXPRESS.name}'s StrOut`, call, error);
  }
}
