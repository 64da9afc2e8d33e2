import type { LabelPage } from "../domain/label.ts";
import { type Box, boxesOf, DOTS_PER_MM, type Mark, toDots } from "./dots.ts";
import { PAGES } from "./layout.ts";
import { PdfFile } from "./pdf-file.ts";
import { PdfFonts } from "./pdf-fonts.ts";
import { type Shape, textStart } from "./shapes.ts";

/** A PDF's own unit: a 72nd of an inch. */
const POINTS_PER_MM = 72 / 25.4;
/** Bars are as wide as whole dots of the usual printer, so that it prints them sharp when the page is not scaled. */
const GRID = DOTS_PER_MM[203];

/** One page a label, everything as vectors. */
export function pdfLabels(sheets: readonly (readonly Shape[])[], page: LabelPage): Uint8Array {
  const file = new PdfFile();
  const fonts = new PdfFonts();
  const [catalog, pages, resources] = [file.reserve(), file.reserve(), file.reserve()];
  const [width, height] = [points(PAGES[page].width * GRID), points(PAGES[page].height * GRID)];
  const numbers = sheets.map((shapes) => {
    const drawing = file.addStream(drawSheet(shapes, page, fonts));
    return file.add(
      `<< /Type /Page /Parent ${pages} 0 R /MediaBox [0 0 ${width} ${height}] /Contents ${drawing} 0 R /Resources ${resources} 0 R >>`,
    );
  });
  // Viewers are asked not to fit it to the paper: scaled bars can't be scanned.
  file.set(catalog, `<< /Type /Catalog /Pages ${pages} 0 R /ViewerPreferences << /PrintScaling /None >> >>`);
  const kids = numbers.map((number) => `${number} 0 R`).join(" ");
  file.set(pages, `<< /Type /Pages /Kids [${kids}] /Count ${numbers.length} >>`);
  file.set(resources, `<< /Font << ${fonts.addTo(file)} >> >>`);
  return file.finish(catalog);
}

function drawSheet(shapes: readonly Shape[], page: LabelPage, fonts: PdfFonts): string {
  const bottom = PAGES[page].height * GRID;
  const marks = shapes.flatMap((shape) => toDots(shape, GRID) ?? []);
  const drawn = marks.flatMap((mark) =>
    mark.kind === "text" ? drawText(mark, bottom, fonts) : boxesOf(mark).map((box) => drawBox(box, bottom)),
  );
  return ["0 g", ...drawn].join("\n");
}

function drawText(mark: Mark & { kind: "text" }, bottom: number, fonts: PdfFonts): string {
  const shown = fonts.show(mark.text, mark.weight, points(mark.size));
  return `BT ${points(textStart(mark))} ${points(bottom - mark.y)} Td ${shown} ET`;
}

function drawBox({ x, y, width, height }: Box, bottom: number): string {
  return `${points(x)} ${points(bottom - y - height)} ${points(width)} ${points(height)} re f`;
}

/** In a PDF, y goes upwards; lengths are given in dots. */
function points(dots: number): string {
  return String(Number(((dots / GRID) * POINTS_PER_MM).toFixed(3)));
}
