import { describe, expect, it } from "vitest";
import { readAddress } from "../../src/domain/address.ts";
import { readLabelBytes } from "../../src/domain/label-bytes.ts";
import { renderLabel } from "../../src/labels/render.ts";

const LABEL_FORMATS = ["zpl", "pdf", "png"] as const;

const bytes = (text: string) => Buffer.from(text, "latin1");

const CONTENT = {
  carrier_name: "Carrier",
  service: "",
  from: readAddress({ contact_name: "Dock" }),
  to: readAddress({ contact_name: "Ann" }),
  order_number: "1",
  tracking_number: "T1",
  sequence_number: 1,
  package_count: 1,
  weight: 1,
};

describe("readLabelBytes", () => {
  it.each(LABEL_FORMATS)("takes a whole %s label and gives the same bytes", (format) => {
    const label = renderLabel(format, CONTENT);
    expect(readLabelBytes(format, label)).toBe(label);
  });

  it.each(LABEL_FORMATS)("misses the end of a cut %s label", (format) => {
    const label = renderLabel(format, CONTENT);
    expect(() => readLabelBytes(format, label.subarray(0, -9))).toThrow(/a part is missing/);
  });

  it.each([
    ["pdf", "%PDF-1.7\nanything\n%%EOF"],
    ["pdf", "%PDF-1.4\nanything\n%%EOF\r\n\0\0"],
    ["zpl", "^XA^FO1,1^FDx^FS^XZ"],
    ["zpl", "\n^XA^XZ\r\n^xa^FDx^FS^xz\r\n"],
    ["zpl", "CT~~CD,~CC^~CT~\n^XA^XZ"],
    ["zpl", "~DGR:LOGO.GRF,8,1,FFFFFFFFFFFFFFFF^XA^XGR:LOGO.GRF^XZ"],
  ] as const)("takes what carriers send as %s: %j", (format, text) => {
    expect(readLabelBytes(format, bytes(text))).toEqual(bytes(text));
  });

  it.each([
    ["pdf", "", /is no PDF label: it is empty/],
    ["pdf", "<html>no</html>", /it begins with "<html>no<\/html>", not with %PDF-/],
    ["pdf", "JVBERi0xLjQK", /it begins with "JVBERi0xLjQK"/], // still base64
    ["pdf", "%PDF-1.4\n%%EOF\nmore", /%%EOF/],
    ["zpl", "%PDF-1.4\n%%EOF", /is no ZPL label: it begins with "%PDF-1.4.%%EOF"/],
    ["zpl", '{"error":"^XA^XZ"}', /begins with/],
    ["zpl", "~JA no label ^XZ", /it has no \^XA/],
    ["png", "GIF89a", /is no PNG label: it begins with "GIF89a"/],
  ] as const)("refuses as %s: %j", (format, text, reason) => {
    expect(() => readLabelBytes(format, bytes(text))).toThrow(reason);
  });
});
