import { XMLBuilder, XMLParser, XMLValidator } from "fast-xml-parser";
import { z } from "zod";

/** Elements and attributes by their names, attributes with an `@`; texts as they are, leading zeros and all. */
export type Xml = { [name: string]: XmlValue };
type XmlValue = string | number | undefined | Xml | readonly Xml[];

const builder = new XMLBuilder({
  ignoreAttributes: false,
  attributeNamePrefix: "@",
  suppressEmptyNode: true,
});

/** Characters that XML can't hold are left out; what is undefined is no element. */
export function writeXml(document: Xml): string {
  return `<?xml version="1.0" encoding="UTF-8"?>${String(builder.build(document)).replace(
    /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g,
    "",
  )}`;
}

/** What an element says; nothing, when it is missing or empty, also where it has attributes such as `xsi:nil`. */
export const xmlText = z
  .union([z.string(), z.object({ "#text": z.string().default("") }).transform((one) => one["#text"])])
  .default("");

/** Prefixes of names are left out. An element that may come more than once is a list, also when it comes once. */
export function createXmlReader(lists: readonly string[]): (text: string) => unknown {
  const parser = new XMLParser({
    ignoreAttributes: false,
    attributeNamePrefix: "@",
    removeNSPrefix: true,
    parseTagValue: false,
    parseAttributeValue: false,
    htmlEntities: true,
    isArray: (name) => lists.includes(name),
  });
  return (text) => {
    const valid = XMLValidator.validate(text);
    if (valid !== true) throw new Error(`not XML: ${valid.err.msg}`);
    return parser.parse(text);
  };
}
