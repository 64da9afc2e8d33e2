import { createHash } from "node:crypto";

/** Ours, made once at random. */
const NAMESPACE = Buffer.from("5f0c2d3e8b1a4c7d9e6f3a2b1c0d4e5f", "hex");

/** The UUID (version 5) of a name: the same name gets the same one, in every process, for ever. */
export function stableUuid(name: string): string {
  const bytes = createHash("sha1").update(NAMESPACE).update(name).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x50;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
