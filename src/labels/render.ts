import type { LabelContent } from "../domain/label.ts";
import type { LabelFormat } from "../domain/vocabulary.ts";
import { layoutLabel, type Shape } from "./layout.ts";
import { pdfLabel } from "./pdf.ts";
import { pngLabel } from "./png.ts";
import { zplLabel } from "./zpl.ts";

const PAINTERS: Record<LabelFormat, (shapes: readonly Shape[]) => Uint8Array> = {
  zpl: zplLabel,
  pdf: pdfLabel,
  png: pngLabel,
};

/** Draws a 4 × 6 inch label. Whatever the texts hold, there is a label; the same content gives the same bytes. */
export function renderLabel(format: LabelFormat, content: LabelContent): Uint8Array {
  return PAINTERS[format](layoutLabel(content));
}
