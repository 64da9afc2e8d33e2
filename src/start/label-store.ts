import type { Config } from "../config.ts";
import { createObjectStore } from "../outside/object-store.ts";
import type { Outside } from "../outside/outside-client.ts";
import type { LabelStore } from "../use-cases/packing/label-store.ts";

/** The object store that was named, if one was. To us it is a host outside like all others. */
export function openLabelStore({ labelBucket }: Config, outside: Outside): LabelStore | undefined {
  if (!labelBucket) return undefined;
  const { endpoint, credentials } = labelBucket;
  const secrets = [credentials.secretAccessKey, credentials.sessionToken ?? ""].filter(Boolean);
  return createObjectStore(outside({ service: "label_store", baseUrl: endpoint, secrets }), labelBucket);
}
