import { createHash } from "node:crypto";
import type { StoredLabel } from "../../db/labels.ts";
import { unavailable } from "../../domain/errors.ts";

/** Where labels' bytes lie outside of the database. Both throw when it can't be reached. */
export interface LabelStore {
  put(key: string, bytes: Uint8Array, content_type: string): Promise<void>;
  get(key: string): Promise<Uint8Array>;
}

/** Reads a label's bytes from wherever they lie, and makes sure that they are what was bought. */
export function createLabelReader(store?: LabelStore): (label: StoredLabel) => Promise<Uint8Array> {
  return async (label) => {
    const bytes = label.data ?? (await fetchBytes(label, store));
    if (label.sha256 !== null && sha256Of(bytes) !== label.sha256)
      throw new Error(`the label of package ${label.package_id} is not what was bought: its SHA-256 differs`);
    return bytes;
  };
}

async function fetchBytes(
  { package_id, store_key }: StoredLabel,
  store: LabelStore | undefined,
): Promise<Uint8Array> {
  if (!store)
    throw new Error(`the label of package ${package_id} lies in an object store, and none is configured`);
  try {
    return await store.get(store_key as string);
  } catch (error) {
    const message = `the label of package ${package_id} can't be read from the object store now: try again soon`;
    throw unavailable(message, error, { dependency: "label store", package_id });
  }
}

export function sha256Of(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
