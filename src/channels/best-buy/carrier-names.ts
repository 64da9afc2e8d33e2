import { z } from "zod";
import { ChannelError, type ParcelNumber } from "../channel.ts";
import { type AskBestBuy, readJson } from "./client.ts";
import type { BestBuySettings } from "./settings.ts";

const DAY_MS = 24 * 3600 * 1000;

/** Best Buy's list changes rarely: it is read once a day. */
const carriersSchema = z.object({ carriers: z.array(z.unknown()) });
const carrierSchema = z.object({
  code: z.string().min(1),
  label: z.string().nullish(),
  standard_code: z.string().nullish(),
});

type ListedCarrier = z.output<typeof carrierSchema>;

/** What OR23 takes: a carrier of its list, or any other by name and address. */
export type CarrierFields = { carrier_code: string } | { carrier_name: string; carrier_url?: string };

const TRACKING_URLS: Readonly<Record<string, string>> = {
  canada_post: "https://www.canadapost-postescanada.ca/track-reperage/en#/search?searchFor={number}",
  fedex: "https://www.fedex.com/fedextrack/?trknbr={number}",
  ups: "https://www.ups.com/track?tracknum={number}",
  usps: "https://tools.usps.com/go/TrackConfirmAction?tLabels={number}",
};

export function createCarrierNames(
  { carrierCodes, trackingUrls }: BestBuySettings,
  ask: AskBestBuy,
  now: () => Date,
): (parcel: ParcelNumber) => Promise<CarrierFields> {
  let listed: { carriers: readonly ListedCarrier[]; until: number } | undefined;
  const list = async () => {
    if (listed && listed.until > now().getTime()) return listed.carriers;
    const answer = await ask({ operation: "list_carriers", method: "GET", path: "api/shipping/carriers" });
    const carriers = readCarriers(readJson(answer, "list_carriers"));
    listed = { carriers, until: now().getTime() + DAY_MS };
    return carriers;
  };
  const urls = { ...TRACKING_URLS, ...trackingUrls };
  return async ({ carrier_code, carrier_name, tracking_number }) => {
    const stated = carrierCodes[carrier_code];
    if (stated !== undefined) return { carrier_code: stated };
    const known = (await list()).find((one) => isSame(one, [carrier_code, carrier_name]));
    if (known) return { carrier_code: known.code };
    const url = urls[carrier_code]?.replaceAll("{number}", encodeURIComponent(tracking_number));
    return { carrier_name, ...(url === undefined ? {} : { carrier_url: url }) };
  };
}

/** One entry that can't be read does not spoil the list; what is no list is not kept for a day. */
function readCarriers(given: unknown): ListedCarrier[] {
  const list = carriersSchema.safeParse(given);
  if (!list.success) throw new ChannelError("Best Buy's list of carriers can't be read", true);
  return list.data.carriers.flatMap((one) => carrierSchema.safeParse(one).data ?? []);
}

/** `Canada Post`, `CANADA_POST` and `canadapost` are one carrier. */
function isSame({ code, label, standard_code }: ListedCarrier, names: readonly string[]): boolean {
  const ours = new Set(names.map(plain));
  return [code, label, standard_code].some((word) => word && ours.has(plain(word)));
}

function plain(word: string): string {
  return word.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, "");
}
