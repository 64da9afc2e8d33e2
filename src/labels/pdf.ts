import { deflateSync } from "node:zlib";
import { barsOf, code128, moduleCount } from "./code128.ts";
import { HEIGHT, type Shape, WIDTH } from "./layout.ts";
import { fitText, plainText } from "./plain-text.ts";

/** 4 × 6 inches in points. */
const PAGE = { width: 288, height: 432 };
const POINT = PAGE.width / WIDTH;
const QUIET = 10;
/** How far below its top a line of text stands. */
const ASCENT = 0.78;

/** The label as one page, in fonts that every reader has. The same shapes give the same bytes. */
export function pdfLabel(shapes: readonly Shape[]): Uint8Array {
  const drawing = deflateSync(Buffer.from(["0 g", ...shapes.map(drawShape)].join("\n"), "latin1"));
  const stream = `<< /Length ${drawing.length} /Filter /FlateDecode >>\nstream\n${drawing.toString("latin1")}\nendstream`;
  return writeObjects([
    "<< /Type /Catalog /Pages 2 0 R >>",
    "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 ${PAGE.width} ${PAGE.height}] /Contents 6 0 R ` +
      "/Resources << /Font << /F1 4 0 R /F2 5 0 R >> >> >>",
    "<< /Type /Font /Subtype /Type1 /BaseFont /Courier /Encoding /WinAnsiEncoding >>",
    "<< /Type /Font /Subtype /Type1 /BaseFont /Courier-Bold /Encoding /WinAnsiEncoding >>",
    stream,
  ]);
}

function drawShape(shape: Shape): string {
  if (shape.kind === "line") return box(shape.x, shape.y, shape.width, shape.height);
  if (shape.kind === "text") return drawText(shape);
  const widths = code128(shape.text);
  if (!widths) return "";
  const modules = moduleCount(widths);
  const scale = Math.min(4, shape.width / (modules + 2 * QUIET));
  const left = shape.x + (shape.width - modules * scale) / 2;
  const bars = barsOf(widths).map(({ start, width }) =>
    box(left + start * scale, shape.y, width * scale, shape.height),
  );
  return bars.join("\n");
}

function drawText({ x, y, width, bold, ...shape }: Shape & { kind: "text" }): string {
  const { text, size } = fitText(plainText(shape.text), shape.size, width);
  const escaped = text.replace(/[\\()]/g, (letter) => `\\${letter}`);
  const at = `${points(x)} ${points(HEIGHT - y - size * ASCENT)}`;
  return `BT /${bold ? "F2" : "F1"} ${points(size)} Tf ${at} Td (${escaped}) Tj ET`;
}

function box(x: number, y: number, width: number, height: number): string {
  return `${points(x)} ${points(HEIGHT - y - height)} ${points(width)} ${points(height)} re f`;
}

function points(dots: number): string {
  return (dots * POINT).toFixed(3);
}

/** The file: header, numbered objects, the table of where each begins, trailer. */
function writeObjects(objects: readonly string[]): Uint8Array {
  let file = "%PDF-1.4\n%\xe2\xe3\xcf\xd3\n";
  const offsets = objects.map((object, index) => {
    const offset = file.length;
    file += `${index + 1} 0 obj\n${object}\nendobj\n`;
    return offset;
  });
  const table = offsets.map((offset) => `${String(offset).padStart(10, "0")} 00000 n \n`).join("");
  const size = objects.length + 1;
  const start = file.length;
  file += `xref\n0 ${size}\n0000000000 65535 f \n${table}trailer\n<< /Size ${size} /Root 1 0 R >>\nstartxref\n${start}\n%%EOF\n`;
  return Buffer.from(file, "latin1");
}
