import { capped, type Found, formOf, redactBody, redactWords } from "./redact-text.ts";
import { BLOT, KEPT_HEADERS, SHORTEST_PERSONAL, SHORTEST_SECRET } from "./redaction-rules.ts";

export interface CallToRedact {
  method: string;
  path: string;
  headers: Readonly<Record<string, string>>;
  body: string | Uint8Array | undefined;
  /** What came back; or, when nothing did, the words that say why. */
  answer: { body: Uint8Array; type: string } | string;
  /** Of the settings. */
  secrets: readonly string[];
}

export interface RedactedCall {
  request_payload: Record<string, unknown>;
  response_body: string;
}

/** What of a call may be put on record, by the rules. */
export function redactCall({ method, path, headers, body, answer, secrets }: CallToRedact): RedactedCall {
  const found: Found = { secrets: new Set(secrets), personal: new Set() };
  for (const secret of headerSecrets(headers)) found.secrets.add(secret);
  const payload = {
    method,
    path: redactPath(path, found),
    headers: keptHeaders(headers),
    ...(body === undefined ? {} : { body: redactBody(body, contentType(headers), found) }),
  };
  const answered =
    typeof answer === "string" ? redactWords(answer, found) : redactBody(answer.body, answer.type, found);
  const sweepOut = sweeper(found);
  const sweep = (text: string) => storable(sweepOut(text));
  const text = typeof answered === "string" ? answered : JSON.stringify(answered);
  return { request_payload: cappedPayload(swept(payload, sweep)), response_body: capped(sweep(text)) };
}

function contentType(headers: Readonly<Record<string, string>>): string {
  return Object.entries(headers).find(([name]) => name.toLowerCase() === "content-type")?.[1] ?? "";
}

function keptHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => KEPT_HEADERS.has(name.toLowerCase())));
}

/** Every header that is not kept is taken for a secret: whole, without its scheme, and what base64 hides. */
function headerSecrets(headers: Readonly<Record<string, string>>): string[] {
  const hidden = Object.entries(headers).filter(([name]) => !KEPT_HEADERS.has(name.toLowerCase()));
  return hidden.flatMap(([, value]) => {
    const [, scheme = "", credentials = ""] = /^(\S+)\s+(\S.*)$/.exec(value) ?? [];
    if (scheme.toLowerCase() !== "basic") return [value, credentials];
    const plain = Buffer.from(credentials, "base64").toString("utf8");
    return [value, credentials, plain, ...plain.split(":")];
  });
}

function redactPath(path: string, found: Found): string {
  const start = path.indexOf("?");
  if (start < 0) return path;
  return `${path.slice(0, start)}?${new URLSearchParams(formOf(path.slice(start + 1), found)).toString()}`;
}

/** Blots out everything that was found, in every form in which it may be written, the longest first. */
function sweeper(found: Found): (text: string) => string {
  const secrets = [...found.secrets].filter((value) => value.length >= SHORTEST_SECRET);
  const personal = [...found.personal].filter((value) => value.length >= SHORTEST_PERSONAL);
  const forms = new Set([...secrets, ...personal].flatMap(writings));
  const ordered = [...forms].toSorted((a, b) => b.length - a.length);
  return (text) => ordered.reduce((left, form) => left.replaceAll(form, BLOT), text);
}

/** Half characters and NULs can't be kept in a database's text. */
function storable(text: string): string {
  return text.toWellFormed().replaceAll("\u0000", "");
}

function writings(value: string): string[] {
  const inJson = JSON.stringify(value).slice(1, -1);
  const inUrl = encodeURIComponent(value.toWellFormed());
  const inForm = new URLSearchParams({ v: value }).toString().slice(2);
  const inXml = value.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  const inBase64 = Buffer.from(value).toString("base64");
  return [
    value,
    inJson,
    JSON.stringify(inJson).slice(1, -1),
    inUrl,
    inUrl.toLowerCase(),
    inForm,
    inXml,
    inXml.replaceAll('"', "&quot;"),
    inBase64,
  ];
}

function swept<T>(value: T, sweep: (text: string) => string): T;
function swept(value: unknown, sweep: (text: string) => string): unknown {
  if (typeof value === "string") return sweep(value);
  if (Array.isArray(value)) return value.map((one) => swept(one, sweep));
  if (typeof value === "object" && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [sweep(name), swept(one, sweep)]));
  if (typeof value !== "number") return value;
  const text = String(value);
  return sweep(text) === text ? value : BLOT;
}

function cappedPayload(payload: Record<string, unknown>): Record<string, unknown> {
  const { body, ...rest } = payload;
  const text = typeof body === "string" ? body : JSON.stringify(body ?? "");
  return capped(text) === text ? payload : { ...rest, body: capped(text) };
}
