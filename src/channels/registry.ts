import type { Channels } from "./channel.ts";
import { createListingsChannel } from "./listings/listings-channel.ts";

/** The channels that this installation is configured for. */
export function createChannels({ listingsUrl }: { listingsUrl?: string | undefined }): Channels {
  return { listings: listingsUrl === undefined ? undefined : createListingsChannel({ url: listingsUrl }) };
}
