export interface Part {
  /** Of its `Content-Disposition`; empty: it has none. */
  name: string;
  type: string;
  text: string;
}

/** The parts of a multipart answer, in order. Texts are latin1: one character for each byte. */
export function readMultipart(contentType: string, body: Buffer): Part[] {
  const text = body.toString("latin1");
  const named = /boundary="?([^";]+)"?/i.exec(contentType)?.[1] ?? /^\s*--([^\r\n]+)/.exec(text)?.[1];
  if (!named) throw new Error("there is no boundary between the parts");
  const [, ...rest] = `\n${text}`.split(`\n--${named}`);
  return rest.filter((part) => !part.startsWith("--")).map(readPart);
}

function readPart(part: string): Part {
  const [, head = "", text = ""] = /^[^\n]*\n([\s\S]*?)\r?\n\r?\n([\s\S]*)$/.exec(part) ?? [];
  const header = (pattern: RegExp) => pattern.exec(head)?.[1]?.trim() ?? "";
  return {
    name: header(/^content-disposition:[^\n]*[;\s]name="?([^";\r\n]+)/im),
    type: header(/^content-type:\s*([^;\r\n]+)/im).toLowerCase(),
    text: text.replace(/\r$/, ""),
  };
}
