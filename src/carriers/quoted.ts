import { z } from "zod";
import { isAmount, sumOfAmounts } from "../domain/cheapest-quote.ts";

/** An amount of money, which carriers write as text or as a number; with its cents. */
export const quotedAmount = z
  .union([z.string().trim(), z.number()])
  .transform(String)
  .refine(isAmount, "is no amount of money")
  .transform((amount) => sumOfAmounts([amount]));

/** ISO 4217. */
export const quotedCurrency = z.string().regex(/^[A-Z]{3}$/, "is no currency");
