import type { z } from "zod";
import type { Outside } from "../outside/outside-client.ts";
import { createBestBuy } from "./best-buy/best-buy.ts";
import { bestBuySettingsSchema } from "./best-buy/settings.ts";
import type { Channels, Marketplace } from "./channel.ts";
import { createListingsChannel } from "./listings/listings-channel.ts";

/** What stops the start: one line, which names the setting and never its value. */
export class ChannelSettingError extends Error {}

interface ConfiguredMarketplace {
  code: string;
  build: (outside: Outside) => Marketplace;
}

/** Checks the settings of all marketplaces, by their codes. */
export function readChannelSettings(given: Readonly<Record<string, unknown>>): ConfiguredMarketplace[] {
  return Object.entries(given).map(([code, settings]) => {
    if (code !== "best_buy")
      throw new ChannelSettingError(`there is no channel "${code.slice(0, 40)}"; known is best_buy`);
    const read = bestBuySettingsSchema.safeParse(settings);
    if (!read.success) throw new ChannelSettingError(wordsOf(code, read.error.issues[0] as z.core.$ZodIssue));
    return { code, build: (outside) => createBestBuy(read.data, { outside }) };
  });
}

/** The schema's own words say what was expected, and never what was given. */
function wordsOf(code: string, { path, message }: z.core.$ZodIssue): string {
  return `${[code, ...path.map(String)].join(".")}: ${message}`;
}

/** The channels that this installation is configured for. */
export function createChannels({
  listingsUrl,
  marketplaces = [],
  outside,
}: {
  listingsUrl?: string | undefined;
  marketplaces?: readonly ConfiguredMarketplace[];
  outside: Outside;
}): Channels {
  return {
    listings: listingsUrl === undefined ? undefined : createListingsChannel({ url: listingsUrl, outside }),
    marketplaces: marketplaces.map(({ build }) => build(outside)),
  };
}
