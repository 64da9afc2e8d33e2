import type { Config } from "../config.ts";
import { insertApiCall } from "../db/api-calls.ts";
import type { Database } from "../db/database.ts";
import { createObjectStore } from "../outside/object-store.ts";
import { createOutsideClient } from "../outside/outside-client.ts";
import type { LabelStore } from "../use-cases/packing/label-store.ts";

/** The object store that was named, if one was. Its calls are put on record like all others to the outside. */
export function openLabelStore({ labelBucket }: Config, db: Database): LabelStore | undefined {
  if (!labelBucket) return undefined;
  const { endpoint, credentials } = labelBucket;
  const secrets = [credentials.secretAccessKey, credentials.sessionToken ?? ""].filter(Boolean);
  const client = createOutsideClient({
    service: "label_store",
    baseUrl: endpoint,
    secrets,
    record: (call) => insertApiCall(db, call),
  });
  return createObjectStore(client, labelBucket);
}
