import { z } from "zod";
import {
  type CarrierCall,
  type CarrierHost,
  type CarrierSaid,
  createCarrierHost,
  readJson,
} from "../answers.ts";
import { withHeaders } from "../fixed-headers.ts";
import { jsonPost, parsedJson } from "../json-body.ts";
import { oneOrMore } from "../one-or-more.ts";
import type { CarrierTools } from "../tools.ts";
import type { AcsSettings } from "./settings.ts";

export const ACS = { code: "acs", name: "ACS" } as const;

const rowSchema = z.record(z.string(), z.unknown());
const rowsSchema = oneOrMore(rowSchema);
const outputSchema = z
  .object({
    ACSValueOutput: rowsSchema,
    ACSTableOutput: z.object({ Table_Data: rowsSchema }).nullish(),
    ACSObjectOutput: z.unknown().optional(),
  })
  .nullish();

/** Which parts of the output are there depends on the alias. */
const answerSchema = z.object({
  ACSExecution_HasError: z.boolean().nullish(),
  ACSExecutionErrorMessage: z.string().nullish(),
  /** ACS's own spelling, in its answers; its guide also has the other one. */
  ACSOutputResponce: outputSchema,
  ACSOutputResponse: outputSchema,
});

export type AcsRow = z.output<typeof rowSchema>;

export interface AcsOutput {
  /** The first row of values, where single results are. */
  value: AcsRow;
  rows: AcsRow[];
  /** Whatever it prints. */
  object: unknown;
}

export interface AcsClient {
  run(
    alias: string,
    input: Readonly<Record<string, unknown>>,
    call?: Pick<CarrierCall, "buys" | "repeatable">,
  ): Promise<AcsOutput>;
}

/** Everything is one endpoint, which is told by an alias what to do and answers 200 whatever happens. */
export function createAcsClient(settings: AcsSettings, tools: CarrierTools): AcsClient {
  const host = hostOf(settings, tools);
  return {
    run: async (alias, input, how = {}) => {
      const body = { ACSAlias: alias, ACSInputParameters: { ...loginOf(settings), ...input } };
      const call: CarrierCall = { ...jsonPost(alias, "ACSAutoRest", body), ...how };
      return outputOf(readJson(await host.ask(call), { name: ACS.name, call, shape: answerSchema }));
    },
  };
}

function loginOf({ companyId, companyPassword, userId, userPassword }: AcsSettings) {
  return {
    Company_ID: companyId,
    Company_Password: companyPassword,
    User_ID: userId,
    User_Password: userPassword,
  };
}

function hostOf({ baseUrl, apiKey }: AcsSettings, { outside, now }: CarrierTools): CarrierHost {
  return createCarrierHost({
    client: withHeaders(outside({ service: ACS.code, baseUrl }), { AcsApiKey: apiKey }),
    name: ACS.name,
    readError: ({ status, body }) => ({
      code: String(status),
      message: body.toString("utf8").trim().slice(0, 200),
    }),
    readHiddenError: ({ body }) => readHiddenError(body),
    meanings: { "406": "unavailable" }, // more than its ten calls a second
    patience: { "406": 1 },
    now,
  });
}

/** A no is either said about the whole call, or in the first row of values while the call is said to have gone well. */
function readHiddenError(body: Buffer): CarrierSaid | undefined {
  const read = answerSchema.safeParse(parsedJson(body));
  if (!read.success) return undefined; // whoever asked finds that it can't be read
  const { ACSExecution_HasError, ACSExecutionErrorMessage } = read.data;
  if (ACSExecution_HasError) return { code: "", message: ACSExecutionErrorMessage || "no reason given" };
  const { value } = outputOf(read.data);
  if (Number(textOf(value, "Unprinted_Found")) > 0) return undefined; // which they are stands in the rows
  const [said] = ["Error_Message", "error_message", "Error_msg", "error_msg"]
    .map((name) => textOf(value, name))
    .filter(Boolean);
  return said ? { code: "", message: said } : undefined;
}

function outputOf({ ACSOutputResponce, ACSOutputResponse }: z.output<typeof answerSchema>): AcsOutput {
  const output = ACSOutputResponce ?? ACSOutputResponse;
  const value = output?.ACSValueOutput[0] ?? {};
  return {
    value,
    rows: output?.ACSTableOutput?.Table_Data ?? [],
    object: output?.ACSObjectOutput ?? value["ACSObjectOutput"],
  };
}

/** A field as text without the blanks that ACS pads it with; empty: it isn't there. */
export function textOf(row: AcsRow, name: string): string {
  const value = row[name];
  return typeof value === "string" || typeof value === "number" ? String(value).trim() : "";
}
