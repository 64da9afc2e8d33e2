import type { IncomingMessage, ServerResponse } from "node:http";
import type { z } from "zod";

/** One request as a simulated host sees it. */
export interface HostRequest {
  method: string;
  /** Without its query. */
  path: string;
  /** The parts of the path that the route names, such as `:number`. */
  params: Readonly<Record<string, string>>;
  query: URLSearchParams;
  headers: Readonly<Record<string, string>>;
  body: Buffer;
  /** The body as text. */
  text: string;
}

export interface HostAnswer {
  /** Default: 200. */
  status?: number;
  headers?: Readonly<Record<string, string>>;
  /** Text and bytes go out as they are, everything else as JSON; left out: nothing. */
  body?: unknown;
}

export async function readRequest(incoming: IncomingMessage): Promise<HostRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const url = new URL(incoming.url ?? "/", "http://host.test");
  const headers = Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]);
  const body = Buffer.concat(chunks);
  return {
    method: incoming.method ?? "GET",
    path: url.pathname,
    params: {},
    query: url.searchParams,
    headers: Object.fromEntries(headers) as Record<string, string>,
    body,
    text: body.toString("utf8"),
  };
}

export function writeAnswer(
  response: ServerResponse,
  { status = 200, headers = {}, body }: HostAnswer,
): void {
  const plain = typeof body === "string" || body instanceof Uint8Array;
  const type = plain || body === undefined ? {} : { "content-type": "application/json" };
  response.writeHead(status, { ...type, ...headers });
  response.end(plain ? body : body === undefined ? undefined : JSON.stringify(body));
}

/** What is wrong with a JSON body by its documented shape. */
export function checkJson(request: HostRequest, shape: z.ZodType): string[] {
  const type = request.headers["content-type"] ?? "";
  if (!/^application\/json\b/.test(type)) return [`content-type is "${type}", not application/json`];
  try {
    return issuesOf(shape, JSON.parse(request.text));
  } catch (error) {
    return [`the body is no JSON: ${String(error)}`];
  }
}

/** What is wrong with a form body by its documented fields. */
export function checkForm(request: HostRequest, shape: z.ZodType): string[] {
  const type = request.headers["content-type"] ?? "";
  if (!/^application\/x-www-form-urlencoded\b/.test(type))
    return [`content-type is "${type}", not application/x-www-form-urlencoded`];
  return issuesOf(shape, Object.fromEntries(new URLSearchParams(request.text)));
}

export function issuesOf(shape: z.ZodType, value: unknown): string[] {
  const result = shape.safeParse(value);
  return result.success
    ? []
    : result.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
}
