import { z } from "zod";

const text = z.string().trim().min(1);

export const bestBuySettingsSchema = z.strictObject({
  baseUrl: z
    .url({ protocol: /^https?$/, error: "must be a URL that begins with http:// or https://" })
    .transform((url) => (url.endsWith("/") ? url : `${url}/`))
    .default("https://marketplace.bestbuy.ca/"),
  /** The shop's key, as it stands in the `Authorization` header. */
  apiKey: text,
  /** For a key that is good for several shops. */
  shopId: text.optional(),
  /** Best Buy asks for five minutes, and bears no less than one. */
  pollSeconds: z.int().min(60).max(86_400).default(300),
  /** Accept orders whose goods are all known here; otherwise somebody does so at Best Buy. */
  acceptOrders: z.boolean().default(true),
  /** The storefront that its orders count for here. */
  storefrontId: z.int().nonnegative().default(0),
  /** Best Buy's codes for carriers, by ours, where its list doesn't tell: `{"canada_post": "CPCL"}`. */
  carrierCodes: z.record(text, text).default({}),
  /** Where customers follow parcels of carriers that are not on Best Buy's list; `{number}` stands for theirs. */
  trackingUrls: z.record(text, z.url({ protocol: /^https?$/ })).default({}),
});

export type BestBuySettings = z.infer<typeof bestBuySettingsSchema>;
