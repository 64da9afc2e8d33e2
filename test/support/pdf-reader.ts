import { inflateSync } from "node:zlib";
import { Paper } from "./paper.ts";

export interface PdfPage {
  /** In points. */
  width: number;
  height: number;
  /** Its filled boxes, at 203 dots an inch. Text has no dots here. */
  paper: Paper;
  /** As a search would find them. */
  texts: string[];
}

const DOTS_PER_POINT = (8 * 25.4) / 72;

/** Reads a PDF as we write it: follows its table of objects, draws its boxes, and knows what its letters mean. */
export function readPdf(bytes: Uint8Array): PdfPage[] {
  const file = Buffer.from(bytes).toString("latin1");
  const table = Number(/startxref\n(\d+)\n%%EOF\n$/.exec(file)?.[1]);
  if (file.slice(table, table + 4) !== "xref") throw new Error("startxref does not lead to the table");
  const offsets = Array.from(file.slice(table).matchAll(/^(\d{10}) 00000 n $/gm), (match) =>
    Number(match[1]),
  );
  const objectAt = (number: number) => {
    const start = offsets[number - 1] as number;
    const head = `${number} 0 obj\n`;
    if (!file.startsWith(head, start)) throw new Error(`object ${number} is not where the table says`);
    return file.slice(start + head.length, file.indexOf("\nendobj", start));
  };
  const refer = (object: string, name: string) =>
    objectAt(Number(new RegExp(`/${name} (\\d+) 0 R`).exec(object)?.[1]));
  const catalog = objectAt(Number(/\/Root (\d+) 0 R/.exec(file)?.[1]));
  const kids = /\/Kids \[([^\]]*)\]/.exec(refer(catalog, "Pages"))?.[1] ?? "";
  return Array.from(kids.matchAll(/(\d+) 0 R/g), ([, number]) => {
    const page = objectAt(Number(number));
    const fonts = Array.from(refer(page, "Resources").matchAll(/\/(F\d+) (\d+) 0 R/g), ([, name, font]) => {
      const meanings = inflate(refer(objectAt(Number(font)), "ToUnicode"));
      return [name, new Map(meaningsIn(meanings))] as const;
    });
    return readPage(
      page,
      inflate(refer(page, "Contents")),
      new Map(fonts as [string, Map<string, string>][]),
    );
  });
}

function inflate(stream: string): string {
  const data = stream.slice(stream.indexOf("stream\n") + 7, stream.lastIndexOf("\nendstream"));
  return inflateSync(Buffer.from(data, "latin1")).toString("latin1");
}

function meaningsIn(map: string): [string, string][] {
  return Array.from(map.matchAll(/^<(..)> <([0-9A-F]+)>$/gm), ([, code = "", units = ""]) => [
    code,
    String.fromCharCode(...Array.from(units.matchAll(/.{4}/g), ([unit]) => Number.parseInt(unit, 16))),
  ]);
}

function readPage(page: string, drawing: string, fonts: Map<string, Map<string, string>>): PdfPage {
  const [, width = 0, height = 0] = (/\/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]/.exec(page) ?? []).map(Number);
  const paper = new Paper(Math.ceil(width * DOTS_PER_POINT), Math.ceil(height * DOTS_PER_POINT));
  for (const [, x, y, w, h] of drawing.matchAll(/^([\d.]+) ([\d.]+) ([\d.]+) ([\d.]+) re f$/gm)) {
    const dots = (points: number) => Math.round(points * DOTS_PER_POINT);
    paper.fill(dots(Number(x)), dots(height - Number(y) - Number(h)), dots(Number(w)), dots(Number(h)));
  }
  const texts = Array.from(drawing.matchAll(/^BT (.*) ET$/gm), ([, shown = ""]) =>
    Array.from(shown.matchAll(/\/(F\d+) [\d.]+ Tf <([0-9A-F]*)> Tj/g), ([, font = "", codes = ""]) =>
      Array.from(codes.matchAll(/../g), ([code]) => fonts.get(font)?.get(code)).join(""),
    ).join(""),
  );
  return { width, height, paper, texts };
}
