import type { Carrier, CarrierCapabilities, LabelPurchase, LabelRequest } from "../carrier.ts";
import { drawLabel } from "../own-label.ts";
import { createStatusReader } from "../status-map.ts";
import type { CarrierTools } from "../tools.ts";
import { createPostExpressClient, POST_EXPRESS, type PostExpressClient } from "./client.ts";
import { manifestOf, numbersIn } from "./manifest.ts";
import { track } from "./movements.ts";
import type { PostExpressSettings } from "./settings.ts";

const ANNOUNCE = 73;

const CAPABILITIES: CarrierCapabilities = {
  labelFormats: [],
  // It has not been seen whether Pošta knows a repeated reference, or transaction, again.
  repeat: "never",
  voidsLabels: false,
  tracking: "poll",
  trackingBatchSize: 1,
  minPollSeconds: 3600,
  rateLimit: null,
};

/** Parcels announced to Pošta Srbije, which numbers them; the labels are ours. */
export function createPostExpressCarrier(settings: PostExpressSettings, tools: CarrierTools): Carrier {
  const client = createPostExpressClient(settings, tools);
  const carrier = {
    ...POST_EXPRESS,
    createLabel: (request: LabelRequest) => announce(client, request, { settings, tools }),
  };
  if (Object.keys(settings.statuses).length === 0)
    return { ...carrier, capabilities: { ...CAPABILITIES, tracking: "none" } };
  const codes = settings.statuses;
  const statusOf = createStatusReader({ codes, fallbacks: { text: codes } });
  return {
    ...carrier,
    capabilities: CAPABILITIES,
    track: (parcels) => track(client, parcels, statusOf),
  };
}

async function announce(
  client: PostExpressClient,
  request: LabelRequest,
  { settings, tools }: { settings: PostExpressSettings; tools: CarrierTools },
): Promise<LabelPurchase> {
  const output = await client.run({
    operation: "create_label",
    kind: ANNOUNCE,
    key: request.reference,
    input: manifestOf(request, settings, tools.now()),
    buys: true,
  });
  const numbers = numbersIn(output, request);
  const labels = request.packages.map((box) =>
    drawLabel(tools, {
      carrier_name: POST_EXPRESS.name,
      format: settings.labelFormat,
      request,
      box,
      tracking_number: numbers.get(box.sequence_number) as string,
    }),
  );
  return { labels };
}
