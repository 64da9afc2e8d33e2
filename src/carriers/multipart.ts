export interface Part {
  /** Of its `Content-Disposition`; empty: it has none. */
  name: string;
  type: string;
  text: string;
}

/** The parts of a multipart answer, in order. Texts are latin1: one character for each byte. */
export function readMultipart(contentType: string, body: Buffer): Part[] {
  const text = `\n${body.toString("latin1")}`;
  const [, ...rest] = text.split(`\n--${boundaryOf(contentType, text)}`);
  return rest.filter((part) => !part.startsWith("--")).map(readPart);
}

/** As the header names it, else as the first line has it. */
function boundaryOf(contentType: string, text: string): string {
  const [, quoted, plain] = /boundary=(?:"([^"]+)"|([^";\s]+))/i.exec(contentType) ?? [];
  const named = quoted ?? plain;
  if (named && text.includes(`\n--${named}`)) return named;
  const found = /^\s*--([^\r\n]+)/.exec(text)?.[1]?.trimEnd();
  if (!found) throw new Error("there is no boundary between the parts");
  return found;
}

function readPart(part: string): Part {
  const [, lines = "", text = ""] = /^[^\n]*\n((?:[^\r\n]+\r?\n)*)\r?\n([\s\S]*)$/.exec(part) ?? [];
  const head = lines.replace(/\r?\n[ \t]+/g, " ");
  const header = (pattern: RegExp) => pattern.exec(head)?.[1]?.trim() ?? "";
  return {
    name: header(/^content-disposition:[^\n]*[;\s]name="?([^";\r\n]+)/im),
    type: header(/^content-type:\s*([^;\r\n]+)/im).toLowerCase(),
    text: text.replace(/\r$/, ""),
  };
}
