import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Address, readAddress } from "../../src/domain/address.ts";
import type { LabelContent, LabelMedia } from "../../src/domain/label.ts";
import { code128, ssccCode } from "../../src/labels/code128.ts";
import { DOTS_PER_MM, toDots } from "../../src/labels/dots.ts";
import { glyphOf } from "../../src/labels/fonts.ts";
import { layoutLabel } from "../../src/labels/layout.ts";
import { renderLabel, renderLabels } from "../../src/labels/render.ts";
import { type Area, dotsPerModule, SSCC_MODULES } from "../../src/labels/shapes.ts";
import { clean, fitBlock, LINE, widthOf } from "../../src/labels/typeset.ts";
import { readPng, scan } from "../support/paper.ts";
import { readPdf } from "../support/pdf-reader.ts";
import { printZpl } from "../support/zpl-printer.ts";

const SSCC = "395012345600000015";

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
    phone: "+381641234567",
  }),
  order_number: "N-1",
  tracking_number: "MOCK168418540416",
  sequence_number: 2,
  package_count: 3,
  weight: 1.5,
};

/** Everything that can be on a label, at the length at which it still has to be readable. */
const FULL: LabelContent = {
  ...CONTENT,
  sscc: SSCC,
  qr: "https://tracking.example/parcels/MOCK168418540416?from=label",
  sort_code: "4W51 A-02",
  extra_lines: ["Branch: Gangnam", "Goods: 3 items", "Leave at the door"],
};

const ADDRESSES: Record<string, Partial<Address>> = {
  "Serbian Cyrillic": { contact_name: "Ђорђе Шћепановић", street: "Његошева 12/љ", city: "Ћуприја" },
  "Serbian Latin": { contact_name: "Đorđe Šćepanović", street: "Žička čaršija 12", city: "Ćuprija" },
  Greek: { contact_name: "Αλέξανδρος Παπαδόπουλος", street: "Λεωφόρος Βασιλίσσης 1", city: "Αθήνα" },
  Chinese: { contact_name: "欧阳小明", street: "广东省深圳市科技中一路1号", city: "深圳" },
  "traditional Chinese": { contact_name: "陳國強", street: "臺北市信義區市府路1號", city: "臺北" },
  Korean: { contact_name: "김민준", street: "판교역로 235 에이치스퀘어", city: "성남시" },
};

const EVERY_MEDIUM: readonly LabelMedia[] = [
  { page: "4x6", dpi: 203 },
  { page: "4x6", dpi: 300 },
  { page: "a6", dpi: 203 },
  { page: "a6", dpi: 300 },
];

const zplText = (content: Partial<LabelContent>) =>
  Buffer.from(renderLabel("zpl", { ...CONTENT, ...content })).toString("utf8");

describe("code128", () => {
  it("packs digits in pairs where that is shorter, and says so", () => {
    const sets = (text: string) => code128(text)?.segments.map(({ set, text: part }) => `${set}${part}`);
    expect(sets("1234")).toEqual(["C1234"]);
    expect(sets("12345")).toEqual(["C1234", "B5"]);
    expect(sets("TT0000000001")).toEqual(["BTT", "C0000000001"]);
    expect(sets("1Z999AA10123456784")).toEqual(["B1Z999AA1", "C0123456784"]);
    expect(sets("A12345B")).toEqual(["BA12345B"]);
    expect(sets("A1234567B")).toEqual(["BA1", "C234567", "BB"]);
    expect(sets("12")).toEqual(["C12"]);
    expect(sets("123")).toEqual(["B123"]);
  });

  it("refuses what could not be scanned", () => {
    expect(code128("")).toBeUndefined();
    expect(code128("ž")).toBeUndefined();
    expect(code128("a\nb")).toBeUndefined();
  });

  it("makes an SSCC a GS1-128 of 156 modules, with FNC1 and the right check symbol", () => {
    const { widths, modules } = ssccCode(SSCC);
    expect(modules).toBe(156);
    expect(widths.slice(0, 12)).toEqual([2, 1, 1, 2, 3, 2, 4, 1, 1, 1, 3, 1]); // start C, FNC1
    expect(widths.slice(-13)).toEqual([1, 2, 2, 2, 1, 3, 2, 3, 3, 1, 1, 1, 2]); // symbol 6, stop
  });
});

describe("a label", () => {
  it.each(EVERY_MEDIUM)("can be scanned off of ZPL, PDF and PNG: %o", async (media) => {
    const codes = [`]C0 ${FULL.tracking_number}`, `]C1 (00)${SSCC}`, `]Q1 ${FULL.qr}`];
    const [sheet] = printZpl(renderLabels("zpl", [FULL], media));
    expect(sheet && (await scan(sheet.paper))).toEqual(codes);
    const [page] = readPdf(renderLabels("pdf", [FULL], media));
    expect(page && (await scan(page.paper))).toEqual(codes);
    expect(await scan(readPng(renderLabels("png", [FULL], media)))).toEqual(codes);
  });

  it("can be scanned whatever number it has", async () => {
    const number = fc.stringMatching(/^[ -~]{1,25}$/).filter((text) => text.trim() === text);
    await fc.assert(
      fc.asyncProperty(number, fc.constantFrom<203 | 300>(203, 300), async (tracking_number, dpi) => {
        const content = { ...CONTENT, tracking_number, qr: "" };
        const [sheet] = printZpl(renderLabels("zpl", [content], { page: "4x6", dpi }));
        expect(sheet && (await scan(sheet.paper))).toEqual([`]C0 ${tracking_number}`]);
      }),
      { numRuns: 20 },
    );
  });

  it("has the SSCC's code lowest, of at least 0.495 mm a module and 32 mm of height", () => {
    for (const { page, dpi } of EVERY_MEDIUM) {
      const bars = layoutLabel(FULL, page).filter((shape) => shape.kind === "barcode");
      const sscc = bars.find((shape) => shape.modules === SSCC_MODULES);
      expect(sscc && bars.every((shape) => shape.y <= sscc.y)).toBe(true);
      expect(sscc?.height).toBeGreaterThanOrEqual(31.75);
      const perMm = dpi === 203 ? 8 : 300 / 25.4;
      expect(sscc && dotsPerModule(sscc, perMm)).toBe(dpi === 203 ? 4 : 6);
    }
  });

  it("leaves the codes' quiet zones to them", () => {
    for (const { page, dpi } of EVERY_MEDIUM)
      for (const shape of layoutLabel(FULL, page)) {
        const perMm = DOTS_PER_MM[dpi];
        const mark = toDots(shape, perMm);
        if (mark?.kind !== "barcode" && mark?.kind !== "qr") continue;
        const { module } = mark;
        const [size, quiet] = mark.kind === "qr" ? [mark.code.length, 4] : [mark.code.modules, 10];
        const room = shape as Area;
        expect(mark.x - quiet * module).toBeGreaterThanOrEqual(room.x * perMm - 1);
        expect(mark.x + (size + quiet) * module).toBeLessThanOrEqual((room.x + room.width) * perMm + 1);
        if (mark.kind === "barcode") continue;
        expect(mark.y - quiet * module).toBeGreaterThanOrEqual(room.y * perMm - 1);
        expect(mark.y + (size + quiet) * module).toBeLessThanOrEqual((room.y + room.height) * perMm + 1);
      }
  });

  it("has no SSCC whose check digit is wrong", () => {
    expect(layoutLabel({ ...FULL, sscc: "395012345600000014" }, "4x6")).toEqual(
      layoutLabel({ ...FULL, sscc: "" }, "4x6"),
    );
  });

  it("leaves out bars that would be too fine, and keeps the number in the QR code", async () => {
    const tracking_number = "NUMBER-".repeat(8);
    const [sheet] = printZpl(renderLabel("zpl", { ...CONTENT, tracking_number }));
    expect(sheet && (await scan(sheet.paper))).toEqual([`]Q1 ${tracking_number}`]);
  });

  it.each(EVERY_MEDIUM)(
    "keeps everything on the sheet, without overlaps, however much there is: %o",
    (media) => {
      const long = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft ".repeat(
        4,
      );
      const address = readAddress({
        contact_name: long,
        company: long,
        street: long,
        street2: long,
        city: long,
      });
      const lines = Array.from({ length: 9 }, () => long);
      const content = {
        ...FULL,
        carrier_name: long,
        service: long,
        from: address,
        to: address,
        extra_lines: lines,
      };
      expect(printZpl(renderLabels("zpl", [content], media))).toHaveLength(1); // throws at a dot outside
      const texts = layoutLabel(content, media.page).filter((shape) => shape.kind === "text");
      for (const [index, text] of texts.entries()) {
        expect(widthOf(text.text, text.weight) * text.size).toBeLessThanOrEqual(text.width + 0.01);
        const before = texts[index - 1];
        if (before && before.x === text.x) expect(text.y - before.y).toBeGreaterThan(text.size * 0.95);
      }
    },
  );

  it("shows what it holds", () => {
    const [page] = readPdf(renderLabel("pdf", FULL));
    for (const part of [
      "Mock carrier (simulated)",
      "express",
      "4W51 A-02",
      "1 Dock Road",
      "Ann Example",
      "2 Test Street",
      "21000 Novi Sad, RS",
      "TEL +381641234567",
      "ORDER N-1",
      "PACKAGE 2 OF 3",
      "1.50 KG",
      "Leave at the door",
      "MOCK168418540416",
      `(00) ${SSCC}`,
    ])
      expect(page?.texts).toContain(part);
  });
});

describe("the line with the place", () => {
  it.each([
    [{ postal_code: 21000, city: "Novi Sad", country: "RS" }, "21000 Novi Sad, RS"],
    [{ postal_code: "73301", city: "Austin", state: "TX", country: "US" }, "Austin TX 73301, US"],
    [{ postal_code: "SW1A 2AA", city: "London", country: "GB" }, "London SW1A 2AA, GB"],
    [{ city: "Hong Kong", country: "HK" }, "Hong Kong, HK"],
  ])("has the postal code where the country has it: %j", (place, line) => {
    expect(readPdf(renderLabel("pdf", { ...CONTENT, to: readAddress(place) }))[0]?.texts).toContain(line);
  });
});

describe.each(Object.entries(ADDRESSES))("a name in %s", (_script, parts) => {
  const to = readAddress(parts);

  it("can be searched for in a PDF", () => {
    const text = readPdf(renderLabel("pdf", { ...CONTENT, to }))[0]?.texts.join(" ");
    for (const part of Object.values(parts)) expect(text).toContain(part);
  });

  it("is a picture in ZPL, for no printer surely has its letters, and has the same dots in a PNG", () => {
    const zpl = renderLabel("zpl", { ...CONTENT, to });
    expect(Buffer.from(zpl).every((byte) => byte < 0x80)).toBe(true);
    const [sheet] = printZpl(zpl);
    const png = readPng(renderLabel("png", { ...CONTENT, to }));
    let dots = 0;
    for (let y = 260; y < 500; y++)
      for (let x = 0; x < 560; x++) {
        if (sheet?.paper.isBlack(x, y)) dots++;
        if (sheet?.paper.isBlack(x, y)) expect(png.isBlack(x, y)).toBe(true);
      }
    expect(dots).toBeGreaterThan(2_000);
  });
});

describe("the fonts", () => {
  const replacement = JSON.stringify(glyphOf("\ufffd", "regular"));
  const has = (letter: string) => JSON.stringify(glyphOf(letter, "regular")) !== replacement;

  it.each([
    ["Serbian", "АБВГДЂЕЖЗИЈКЛЉМНЊОПРСТЋУФХЦЧЏШабвгдђежзијклљмнњопрстћуфхцчџшČĆŽŠĐčćžšđ"],
    ["Greek", "ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩαβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰΆΈΉΊΌΎΏ"],
    [
      "Chinese",
      "的一是不了人我在有他这为之大来以个中上们到说国和地也子时道出而要于就下得可你年生自会那后能对着事其里",
    ],
    [
      "Korean",
      "가각간갇갈감갑값갓강갖갗같갚갛개객하학한할함합항해핵핸햇행향허헌험헤현형호혹혼홀홍화확환활황회획횡효후훈",
    ],
    ["money and signs", "€£¥₩₽№°©®™–—‘’“”„…•×"],
  ])("have the letters of %s", (_name, letters) => {
    expect(Array.from(letters).filter((letter) => !has(letter))).toEqual([]);
  });

  it("show a replacement for what they have not", () => {
    expect(has("\u{1f600}")).toBe(false); // a face
    expect(has("\u05d0")).toBe(false); // from right to left
  });

  /** As the font's authors' own tool gives them, rounded: left, right and top of the outline, and the advance. */
  it.each([
    ["É", "regular", 97, 496, 944, 556],
    ["É", "bold", 90, 501, 934, 560],
    ["č", "regular", 55, 453, 766, 480],
    ["č", "bold", 47, 513, 766, 516],
    ["Ж", "bold", 8, 989, 714, 997],
    ["李", "regular", 36, 964, 840, 1000],
    ["李", "bold", 25, 974, 850, 1000],
  ] as const)("vary their weight, accents too: %s %s", (letter, weight, left, right, top, advance) => {
    const { outline, advance: given } = glyphOf(letter, weight);
    const xs = outline.flatMap(({ args }) => args.filter((_, index) => index % 2 === 0));
    const ys = outline.flatMap(({ args }) => args.filter((_, index) => index % 2 === 1));
    const box = [Math.min(...xs), Math.max(...xs), Math.max(...ys), given].map(Math.round);
    expect(box).toEqual([left, right, top, advance]);
  });
});

describe("fitBlock", () => {
  const block = { width: 60, height: 20, largest: 6, smallest: 2 };
  const lines = (...texts: string[]) => texts.map((text) => ({ text, weight: "regular" as const }));

  it("keeps what is wanted when there is room", () => {
    expect(fitBlock(lines("Ann", "2 Test Street"), block)).toEqual({
      size: 6,
      lines: lines("Ann", "2 Test Street"),
    });
  });

  it("rather takes smaller letters than a second line", () => {
    const text = "A name a bit too long";
    const { size, lines: fitting } = fitBlock(lines(text), block);
    expect(fitting).toEqual(lines(text));
    expect(size).toBeLessThan(6);
  });

  it("breaks at spaces, between Chinese characters, and in words only when it must", () => {
    const narrow = { width: 12, height: 100, largest: 2, smallest: 1.9 };
    const rows = (text: string) => fitBlock(lines(text), narrow).lines.map((line) => line.text);
    expect(rows("one two three four")).toEqual(["one two", "three four"]);
    expect(rows("广东省深圳市南山，区粤海")).toEqual(["广东省深圳市", "南山，区粤海"]);
    expect(rows("广东省深圳市，南山")).toEqual(["广东省深圳", "市，南山"]);
    expect(rows("abcdefghijklmnopqrstuvwxyz").join("")).toBe("abcdefghijklmnopqrstuvwxyz");
  });

  it("never exceeds its block, and shows that something is missing", () => {
    const any = fc.array(fc.string({ unit: "grapheme", maxLength: 80 }), { maxLength: 12 });
    fc.assert(
      fc.property(any, (texts) => {
        const { size, lines: fitting } = fitBlock(lines(...texts), block);
        expect(fitting.length * size * LINE).toBeLessThanOrEqual(block.height + 1e-9);
        const rest = texts.map(clean).join("").replace(/\s/g, "").length;
        const shown = fitting
          .map(({ text }) => text)
          .join("")
          .replace(/\s/g, "");
        expect(shown.length === rest || shown.endsWith("…")).toBe(true);
      }),
      { numRuns: 100 },
    );
  });
});

describe("clean", () => {
  it("takes off what can't be printed, and composes accents", () => {
    expect(clean("  a\u0000\tb\r\nc\u200e\u00ad  ")).toBe("a b c");
    expect(clean("c\u030c")).toBe("č");
    expect(clean("x\ud800")).toBe("x\ufffd");
  });
});

describe("a ZPL label", () => {
  it("is one label, with the number as it is", () => {
    const text = zplText({});
    expect(text).toMatch(/^\^XA\n\^CI28\n\^PW812\n\^LL1218\n\^LH0,0\n/);
    expect(text).toMatch(/\^XZ\n$/);
    expect(text).toMatch(/\^FO\d+,\d+\^BY4,3,(\d+)\^BCN,\1,N,N,N,A\^FH_\^FDMOCK168418540416\^FS/);
    expect(text).toContain("^FH_^FDAnn Example^FS");
    expect(text).toMatch(/\^BQN,2,\d+\^FH_\^FDMA,MOCK168418540416\^FS/);
  });

  it("has the SSCC behind start C and FNC1, of four dots a module", () => {
    expect(zplText({ sscc: SSCC })).toMatch(
      /\^BY4,3,25\d\^BCN,25\d,N,N,N,N\^FH_\^FD>;>800395012345600000015\^FS/,
    );
    expect(zplText({ sscc: SSCC })).toContain("^FH_^FD(00) 395012345600000015^FS");
  });

  it("is larger where the dots are smaller", () => {
    const text = Buffer.from(renderLabels("zpl", [FULL], { page: "4x6", dpi: 300 })).toString();
    expect(text).toContain("^PW1200\n^LL1800");
    expect(text).toMatch(/\^BY6,3,\d+\^BCN,\d+,N,N,N,N\^FH_\^FD>;>8/);
  });

  it("lets no text become a command, and no greater-than sign a change of sets", () => {
    const text = zplText({
      to: readAddress({ contact_name: "^XZ ~JA _41 > x", street: "a\\&b" }),
      tracking_number: "A>5B^FS~JA_",
    });
    expect(text).toContain("^FD_5EXZ _7EJA _5F41 > x^FS");
    expect(text).toContain("^FD>:A>05B_5EFS_7EJA_5F^FS");
    expect(text).not.toMatch(/_5C|&/); // a picture: it would break the line of a field block
    expect(text.match(/\^XZ/g)).toHaveLength(1);
  });
});

describe("several labels", () => {
  const three = [1, 2, 3].map((sequence_number) => ({
    ...FULL,
    sequence_number,
    tracking_number: `TT000000000${sequence_number}`,
  }));

  it("are so many pages of one PDF, of the paper's size", async () => {
    const pages = readPdf(renderLabels("pdf", three, { page: "a6", dpi: 203 }));
    expect(pages.map(({ width, height }) => [Math.round(width), Math.round(height)])).toEqual(
      three.map(() => [298, 420]),
    );
    for (const [index, page] of pages.entries()) {
      expect(page.texts).toContain(`PACKAGE ${index + 1} OF 3`);
      expect(await scan(page.paper)).toContain(`]C0 TT000000000${index + 1}`);
    }
    expect(readPdf(renderLabel("pdf", FULL))[0]).toMatchObject({ width: 288, height: 432 });
  });

  it("are so many labels in one ZPL file", async () => {
    const sheets = printZpl(renderLabels("zpl", three, { page: "4x6", dpi: 203 }));
    expect(sheets).toHaveLength(3);
    const codes = await Promise.all(sheets.map(({ paper }) => scan(paper)));
    expect(codes).toEqual(
      three.map((one) => [`]C0 ${one.tracking_number}`, `]C1 (00)${SSCC}`, `]Q1 ${one.qr}`]),
    );
  });

  it("have their QR codes in one place, whatever was printed before", () => {
    const [first, second] = printZpl(renderLabels("zpl", [FULL, FULL], { page: "4x6", dpi: 203 }));
    const png = readPng(renderLabel("png", FULL));
    const dots = (paper = png) => Buffer.from(paper.dots);
    expect(dots(second?.paper).equals(dots(first?.paper))).toBe(true);
    expect(dots(first?.paper).findIndex((dot, index) => dot < 128 && (png.dots[index] ?? 255) >= 128)).toBe(
      -1,
    );
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
          extra_lines: [name],
          sort_code: number,
        };
        const label = renderLabel(format, content);
        expect(label.length).toBeGreaterThan(100);
        expect(Buffer.compare(label, renderLabel(format, content))).toBe(0);
      }),
      { numRuns: 40 },
    );
  });
});
