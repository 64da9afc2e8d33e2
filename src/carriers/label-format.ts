import type { LabelFormat } from "../domain/vocabulary.ts";

/** What a label is by its first bytes, where the carrier doesn't say or isn't to be trusted. */
export function formatOfLabel(data: Buffer): LabelFormat | undefined {
  const start = data.subarray(0, 8).toString("latin1");
  if (start.startsWith("%PDF-")) return "pdf";
  if (start.startsWith("\x89PNG")) return "png";
  return /^\s*(\^XA|~|CT~)/i.test(start) ? "zpl" : undefined;
}
