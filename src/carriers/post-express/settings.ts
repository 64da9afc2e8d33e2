import { z } from "zod";
import { TRACKING_STATUSES } from "../../domain/vocabulary.ts";
import { hostUrl } from "../host-url.ts";

export const postExpressSettingsSchema = z.strictObject({
  baseUrl: hostUrl("https://wsp.posta.rs/WspWebApi"),
  username: z.string().min(1),
  password: z.string().min(1),
  partnerId: z.int().positive(),
  /** In which language it explains itself. */
  language: z.enum(["SRB", "LAT", "ENG"]).default("LAT"),
  /** How the sender calls itself and this warehouse. */
  brand: z.string().min(1),
  warehouse: z.string().min(1),
  /** The kind of handling, by Pošta's list: 29, 30, 55, 58, 59, 71 or 85. */
  handling: z.int().default(71),
  /** POF: by the contract, N: in cash, K: by card. */
  payment: z.enum(["POF", "N", "K"]).default("POF"),
  /** K: a courier fetches the parcels, O: they are brought to a post office. */
  handover: z.enum(["K", "O"]).default("K"),
  /** What is in the parcels. */
  content: z.string().min(1).max(100).default("Roba"),
  labelFormat: z.enum(["zpl", "pdf"]).default("zpl"),
  /**
   * What the codes of movements mean, by Pošta's own table for partners. Without it nothing is tracked: the codes are
   * not public.
   */
  statuses: z.record(z.string(), z.enum(TRACKING_STATUSES)).default({}),
});

export type PostExpressSettings = z.output<typeof postExpressSettingsSchema>;
