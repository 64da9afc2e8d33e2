import { type Rule, ruleOf } from "./redaction-rules.ts";

/** Comments, CDATA, instructions, closing tags, opening tags, text: whatever XML and HTML are made of, however broken. */
const PIECES =
  /<!--[\s\S]*?-->|<!\[CDATA\[([\s\S]*?)(?:\]\]>|$)|<[?!][^>]*>|<\/([^\s>]+)[^>]*>|<([^\s/>]+)((?:[^>"']|"[^"]*"|'[^']*')*)>|([^<]+)|</g;
const ATTRIBUTES = /([^\s=]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g;
const ENTITIES: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
const DEEPEST = 200;

/** Redacts what stands in elements and attributes, by their names; `leaf` redacts one text under a rule. */
export function redactXml(text: string, leaf: (text: string, rule: Rule | undefined) => string): string {
  const open: { name: string; rule: Rule | undefined }[] = [];
  const rule = () => open.at(-1)?.rule;
  return text.replaceAll(
    PIECES,
    (piece, cdata?: string, closed?: string, opened?: string, attributes = "", words?: string) => {
      if (cdata !== undefined) return `<![CDATA[${leaf(cdata, rule())}]]>`;
      if (words !== undefined) return words.trim() === "" ? words : escaped(leaf(unescaped(words), rule()));
      if (closed !== undefined) close(open, closed);
      if (opened === undefined) return piece;
      if (!attributes.trimEnd().endsWith("/") && open.length < DEEPEST)
        open.push({ name: opened, rule: ruleOf(opened, rule()) });
      return `<${opened}${redactAttributes(attributes, leaf)}>`;
    },
  );
}

function redactAttributes(
  attributes: string,
  leaf: (text: string, rule: Rule | undefined) => string,
): string {
  return attributes.replaceAll(ATTRIBUTES, (_, name: string, double?: string, single?: string) => {
    const value = unescaped(double ?? single ?? "");
    return `${name}="${escaped(leaf(value, ruleOf(name))).replaceAll('"', "&quot;")}"`;
  });
}

/** HTML leaves elements open: a closing tag ends everything within its own. */
function close(open: { name: string }[], name: string): void {
  const index = open.findLastIndex((element) => element.name === name);
  if (index >= 0) open.length = index;
}

function unescaped(text: string): string {
  return text.replaceAll(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|(\w+));/gi, (whole, decimal, hex, name) => {
    if (name !== undefined) return ENTITIES[name] ?? whole;
    const code = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
