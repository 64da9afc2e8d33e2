import { z } from "zod";
import type { OutsideAnswer } from "../../outside/outside-client.ts";
import type { CarrierSaid } from "../answers.ts";

const words = z
  .union([z.string(), z.number()])
  .nullish()
  .transform((value) => String(value ?? ""));

/** The place where tokens come from has the error's code alone in `error`. */
const errorSchema = z.union([
  z.object({ error: z.string(), error_description: words }),
  z.object({
    error: z.object({
      code: words,
      message: words,
      errors: z.array(z.object({ code: words, title: words, detail: words })).nullish(),
    }),
  }),
]);

export function readError(answer: OutsideAnswer): CarrierSaid | undefined {
  const said = errorSchema.parse(JSON.parse(answer.body.toString("utf8")));
  if ("error_description" in said) return { code: said.error, message: said.error_description };
  const { code, message, errors } = said.error;
  const details = (errors ?? []).flatMap(({ title, detail }) => detail || title || []);
  return {
    code: errors?.find((one) => one.code !== "")?.code ?? code,
    message: [message, ...details].filter(Boolean).join(": "),
  };
}

export function readHiddenError(answer: OutsideAnswer): CarrierSaid | undefined {
  return /^\s*\{\s*"(apiVersion|error)"/.test(answer.body.toString("latin1", 0, 60))
    ? readError(answer)
    : undefined;
}
