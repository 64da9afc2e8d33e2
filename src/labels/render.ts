import { type LabelContent, type LabelMedia, USUAL_MEDIA } from "../domain/label.ts";
import type { LabelFormat } from "../domain/vocabulary.ts";
import { layoutLabel } from "./layout.ts";
import { pdfLabels } from "./pdf.ts";
import { pngLabel } from "./png.ts";
import { zplLabel } from "./zpl.ts";

/**
 * Draws labels as one document, a sheet each: of a PNG, which has one sheet only, the first. Whatever the texts hold,
 * there is a label; the same contents give the same bytes. Scripts that are written from right to left, or whose letters
 * change with their neighbours, are not supported; letters that no font has are shown as U+FFFD.
 */
export function renderLabels(
  format: LabelFormat,
  contents: readonly LabelContent[],
  media: LabelMedia,
): Uint8Array {
  const sheets = contents.map((content) => layoutLabel(content, media.page));
  if (format === "pdf") return pdfLabels(sheets, media.page);
  if (format === "zpl") return Buffer.concat(sheets.map((shapes) => zplLabel(shapes, media)));
  return pngLabel(sheets[0] ?? [], media);
}

/** One label, for the usual printer. */
export function renderLabel(format: LabelFormat, content: LabelContent): Uint8Array {
  return renderLabels(format, [content], USUAL_MEDIA);
}
