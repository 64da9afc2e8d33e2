import { createPace } from "../call-pace.ts";
import type { Carrier, CarrierCapabilities } from "../carrier.ts";
import type { CarrierTools } from "../tools.ts";
import { createCanadaPostHost } from "./canada-post-host.ts";
import { voidCanadaPostLabels } from "./give-back.ts";
import { buyCanadaPostLabels, findCanadaPostLabels } from "./label.ts";
import { quoteCanadaPost } from "./quote.ts";
import type { CanadaPostSettings } from "./settings.ts";
import { createEventReader } from "./status.ts";
import { trackCanadaPost } from "./track.ts";

const CAPABILITIES: CarrierCapabilities = {
  labelFormats: ["pdf", "zpl"],
  repeat: "lookup",
  voidsLabels: true,
  tracking: "poll",
  trackingBatchSize: 1,
  minPollSeconds: 3600,
  // That of shipments and labels; tracking has a much lower one of its own.
  rateLimit: { calls: 646, seconds: 60 },
};

/** Canada Post's REST/XML API: contract shipping, its prices, and tracking. */
export function createCanadaPostCarrier(settings: CanadaPostSettings, tools: CarrierTools): Carrier {
  const host = createCanadaPostHost(settings, tools);
  const pace = createPace("Canada Post's tracking", { calls: settings.trackingCallsPerMinute, seconds: 60 });
  const tracking = { host, pace, statusOf: createEventReader(settings.statuses) };
  return {
    code: "canada_post",
    name: "Canada Post",
    capabilities: CAPABILITIES,
    quote: (request) => quoteCanadaPost(host, settings, request),
    createLabel: (request) => buyCanadaPostLabels(host, settings, request),
    findByReference: (request) => findCanadaPostLabels(host, settings, request),
    voidLabel: (label) => voidCanadaPostLabels(host, settings, label),
    track: (parcels) => trackCanadaPost(tracking, parcels),
  };
}
