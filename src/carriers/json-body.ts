/** A call with a JSON body. */
export function jsonPost(
  operation: string,
  path: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
) {
  return {
    operation,
    method: "POST",
    path,
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  } as const;
}

/** undefined: it is no JSON. */
export function parsedJson(body: Uint8Array | string): unknown {
  try {
    return JSON.parse(typeof body === "string" ? body : Buffer.from(body).toString("utf8"));
  } catch {
    return undefined;
  }
}
