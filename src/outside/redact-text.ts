import { redactXml } from "./redact-xml.ts";
import { BEARER, BLOT, EMAIL, isLabel, MAX_RECORDED, type Rule, ruleOf } from "./redaction-rules.ts";

/** What was blotted out, so that it can be found elsewhere too. */
export interface Found {
  secrets: Set<string>;
  personal: Set<string>;
}

/** Before the rules are asked: more than this of anything but JSON is not read. */
const MAX_READ = 1_000_000;
const DEEPEST = 60;

/** A body, by its content type or, when that says nothing, by its looks. */
export function redactBody(body: Uint8Array | string | undefined, type: string, found: Found): unknown {
  if (body === undefined || body.length === 0) return "";
  const bytes = Buffer.from(body as Uint8Array);
  if (/^multipart\//i.test(type)) return redactMultipart(bytes, type, found);
  if (isBinary(type, bytes)) return sizeOf(bytes.length);
  const text = bytes.toString("utf8");
  if (/x-www-form-urlencoded/i.test(type)) return redactForm(text, found);
  return redactText(text, found);
}

/** JSON, XML, a form, or just words: whichever it looks like, also inside of one another. */
function redactText(text: string, found: Found, depth = 0): unknown {
  const start = text.trimStart().slice(0, 1);
  if (start === "{" || start === "[" || start === '"') {
    const value = parseJson(text);
    if (value !== undefined) return redactValue(value, undefined, found, depth + 1);
  }
  if (isLabel(text.trim())) return sizeOf(text.length);
  const read = text.slice(0, MAX_READ);
  if (start === "<") return redactXml(read, (inner, rule) => redactLeaf(inner, rule, found, depth + 1));
  if (/^[\w.%[\]-]+=[^\s&]*(&[^\s&]*)+$/.test(read))
    return new URLSearchParams(formOf(read, found)).toString();
  return redactWords(read, found);
}

/** A value of JSON under a name: its rule holds for everything below. */
function redactValue(value: unknown, rule: Rule | undefined, found: Found, depth: number): unknown {
  if (depth > DEEPEST) return BLOT;
  if (Array.isArray(value)) return value.map((one) => redactValue(one, rule, found, depth + 1));
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).map(([name, one]) => [
      redactWords(name, found),
      redactValue(one, ruleOf(name, rule), found, depth + 1),
    ]);
    return Object.fromEntries(entries);
  }
  if (typeof value === "string") return redactLeaf(value, rule, found, depth);
  return rule && typeof value === "number" ? redactLeaf(String(value), rule, found, depth) : value;
}

/** Text that stands under a name. */
function redactLeaf(text: string, rule: Rule | undefined, found: Found, depth: number): string {
  if (rule && text !== "") {
    found[rule === "secret" ? "secrets" : "personal"].add(text);
    return BLOT;
  }
  const inside = redactText(text, found, depth);
  return typeof inside === "string" ? inside : JSON.stringify(inside);
}

/** Words without a form that we know: pairs that look like a name and its value, addresses, bearers. */
export function redactWords(text: string, found: Found): string {
  return text
    .replaceAll(/"([^"\\]{1,60})"\s*:\s*"((?:[^"\\]|\\.)*)/g, (pair, name: string, value: string) =>
      blotted(pair, name, value, found),
    )
    .replaceAll(/([\w.-]{2,60})\s*[:=]\s*([^\s"'&,;<>]+)/g, (pair, name: string, value: string) =>
      blotted(pair, name, value, found),
    )
    .replaceAll(BEARER, `$1 ${BLOT}`)
    .replaceAll(EMAIL, BLOT);
}

function blotted(pair: string, name: string, value: string, found: Found): string {
  const rule = ruleOf(name);
  if (!rule || value === "") return pair;
  return `${pair.slice(0, pair.length - value.length)}${redactLeaf(value, rule, found, 0)}`;
}

function redactForm(text: string, found: Found): unknown {
  const pairs = formOf(text.slice(0, MAX_READ), found);
  return Object.fromEntries(
    [...Map.groupBy(pairs, ([name]) => name)].map(([name, same]) => {
      const values = same.map(([, value]) => value);
      return [name, values.length === 1 ? values[0] : values];
    }),
  );
}

export function formOf(text: string, found: Found): [string, string][] {
  return [...new URLSearchParams(text)].map(([name, value]) => [
    redactWords(name, found),
    redactLeaf(value, ruleOf(name), found, 1),
  ]);
}

function redactMultipart(bytes: Buffer, type: string, found: Found): unknown {
  const boundary = /boundary="?([^";]+)"?/i.exec(type)?.[1];
  if (!boundary) return sizeOf(bytes.length);
  const parts = bytes.toString("latin1").split(`--${boundary}`).slice(1, -1);
  return Object.fromEntries(parts.map((part, index) => redactPart(part, index, found)));
}

function redactPart(part: string, index: number, found: Found): [string, unknown] {
  const end = part.search(/\r?\n\r?\n/);
  const head = part.slice(0, end);
  const body = Buffer.from(
    part
      .slice(end)
      .replace(/^\r?\n\r?\n/, "")
      .replace(/\r?\n$/, ""),
    "latin1",
  );
  const name = /name="?([^";\r\n]+)"?/i.exec(head)?.[1] ?? `part ${index + 1}`;
  const rule = ruleOf(name);
  if (rule) return [name, redactLeaf(body.toString("utf8"), rule, found, 1)];
  return [name, redactBody(body, /content-type:\s*([^\r\n]+)/i.exec(head)?.[1] ?? "", found)];
}

function isBinary(type: string, bytes: Buffer): boolean {
  if (/json|xml|text|urlencoded/i.test(type)) return false;
  return /pdf|image|octet-stream|zpl|zip/i.test(type) || bytes.subarray(0, 1_000).includes(0);
}

function sizeOf(length: number): string {
  return `[${length} bytes]`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) ?? undefined;
  } catch {
    return undefined;
  }
}

export function capped(text: string): string {
  return text.length <= MAX_RECORDED
    ? text
    : `${text.slice(0, MAX_RECORDED)}… (${text.length - MAX_RECORDED} more)`;
}
