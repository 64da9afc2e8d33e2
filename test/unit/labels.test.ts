import { inflateSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readAddress } from "../../src/domain/address.ts";
import type { LabelContent } from "../../src/domain/label.ts";
import { barsOf, code128, moduleCount } from "../../src/labels/code128.ts";
import { HEIGHT, WIDTH } from "../../src/labels/layout.ts";
import { plainText } from "../../src/labels/plain-text.ts";
import { renderLabel } from "../../src/labels/render.ts";

const CONTENT: LabelContent = {
  carrier_name: "Mock carrier (simulated)",
  service: "express",
  from: readAddress({
    contact_name: "Main warehouse",
    street: "1 Dock Road",
    city: "Belgrade",
    country: "RS",
  }),
  to: readAddress({
    contact_name: "Ann Example",
    street: "2 Test Street",
    postal_code: 21000,
    city: "Novi Sad",
    country: "RS",
  }),
  order_number: "N-1",
  tracking_number: "MOCK168418540416",
  sequence_number: 2,
  package_count: 3,
  weight: 1.5,
};

function zpl(content: Partial<LabelContent>): string {
  return Buffer.from(renderLabel("zpl", { ...CONTENT, ...content })).toString("utf8");
}

/** The grey dots of a PNG as we write it: one filter byte a row, no filter. */
function dotsOf(png: Uint8Array): Uint8Array {
  const buffer = Buffer.from(png);
  const at = buffer.indexOf("IDAT");
  return inflateSync(buffer.subarray(at + 4, at + 4 + buffer.readUInt32BE(at - 4)));
}

describe("code128", () => {
  it("begins with a start code, ends with the stop code, and its check symbol is right", () => {
    const widths = code128("MOCK168418540416") as number[];
    expect(widths.slice(-7)).toEqual([2, 3, 3, 1, 1, 1, 2]);
    expect(widths.slice(0, 6)).toEqual([2, 1, 1, 2, 1, 4]); // start B
    expect((widths.length - 7) % 6).toBe(0);
    expect(moduleCount(widths)).toBe(((widths.length - 7) / 6) * 11 + 13);
  });

  it("refuses what could not be scanned", () => {
    expect(code128("")).toBeUndefined();
    expect(code128("ž")).toBeUndefined();
  });
});

describe("a ZPL label", () => {
  it("is one 4 × 6 inch label with the number as Code 128, both addresses, order, package and weight", () => {
    const text = zpl({});
    expect(text).toMatch(/^\^XA\n\^CI28\n\^PW812\n\^LL1218\n/);
    expect(text.trimEnd()).toMatch(/\^XZ$/);
    expect(text).toMatch(/\^BY\d\^BCN,\d+,N,N,N,A\^FH_\^FDMOCK168418540416\^FS/);
    for (const part of [
      "Ann Example",
      "2 Test Street",
      "21000 Novi Sad",
      "1 Dock Road",
      "ORDER N-1",
      "PACKAGE 2 OF 3",
      "1.50 KG",
    ])
      expect(text).toContain(part);
  });

  it("lets no text become a command", () => {
    const text = zpl({ to: readAddress({ contact_name: "^XZ ~JA _41 > \\& Ž" }) });
    expect(text).toContain("^FD_5EXZ _7EJA _5F41 _3E _5C& _C5_BD^FS");
    expect(text.match(/\^XZ/g)).toHaveLength(1);
  });
});

describe("a PNG label", () => {
  it("shows the bars that Code 128 asks for", () => {
    const dots = dotsOf(renderLabel("png", CONTENT));
    expect(dots).toHaveLength((WIDTH + 1) * HEIGHT);
    const y = 900;
    const row = dots.subarray(y * (WIDTH + 1) + 1, (y + 1) * (WIDTH + 1));
    const widths = code128(CONTENT.tracking_number) as number[];
    const left = row.indexOf(0);
    const scale = Math.round((row.lastIndexOf(0) + 1 - left) / moduleCount(widths));
    const drawn = Array.from(row.subarray(left, left + moduleCount(widths) * scale), (dot) => dot === 0);
    const wanted = drawn.map(() => false);
    for (const bar of barsOf(widths)) wanted.fill(true, bar.start * scale, (bar.start + bar.width) * scale);
    expect(drawn).toEqual(wanted);
    expect(left).toBeGreaterThanOrEqual(10 * scale); // the quiet zone
  });
});

describe("a PDF label", () => {
  it("is one page of 4 × 6 inches whose table of objects is right", () => {
    const file = Buffer.from(renderLabel("pdf", CONTENT)).toString("latin1");
    expect(file).toMatch(/^%PDF-1\.4/);
    expect(file).toContain("/MediaBox [0 0 288 432]");
    const table = Number(/startxref\n(\d+)\n%%EOF\n$/.exec(file)?.[1]);
    expect(file.slice(table, table + 4)).toBe("xref");
    const offsets = Array.from(file.slice(table).matchAll(/^(\d{10}) 00000 n $/gm), (match) =>
      Number(match[1]),
    );
    offsets.forEach((offset, index) => expect(file.slice(offset)).toMatch(new RegExp(`^${index + 1} 0 obj`)));
  });
});

describe("renderLabel", () => {
  it("gives the same bytes for the same content, and some bytes for any text", () => {
    const any = fc.oneof(
      fc.string({ unit: "binary", maxLength: 300 }),
      fc.string({ unit: "grapheme", maxLength: 300 }),
    );
    fc.assert(
      fc.property(any, any, fc.constantFrom("zpl", "pdf", "png"), (name, number, format) => {
        const content = {
          ...CONTENT,
          to: readAddress({ contact_name: name, phone: name }),
          tracking_number: number,
          order_number: name,
        };
        const label = renderLabel(format, content);
        expect(label.length).toBeGreaterThan(100);
        expect(Buffer.compare(label, renderLabel(format, content))).toBe(0);
      }),
      { numRuns: 150 },
    );
  });
});

describe("plainText", () => {
  it("takes accents off and keeps the length of what it can't read", () => {
    expect(plainText("Đorđe Šćepanović, Straße, Ωμέγα")).toBe("Dorde Scepanovic, Strasse, ?????");
    expect(plainText("\ud800x\n")).toBe("?x ");
  });
});
