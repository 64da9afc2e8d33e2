import { z } from "zod";
import { isAmount } from "../domain/cheapest-quote.ts";

/** An amount of money as carriers write it, as text or as a number. */
export const quotedAmount = z
  .union([z.string().trim(), z.number()])
  .transform(String)
  .refine(isAmount, "is no amount of money");

/** ISO 4217. */
export const quotedCurrency = z.string().regex(/^[A-Z]{3}$/, "is no currency");
