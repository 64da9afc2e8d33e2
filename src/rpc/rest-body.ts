import type { IncomingMessage } from "node:http";
import { z } from "zod";
import { DomainError, invalidField } from "../domain/errors.ts";
import { MAX_REQUEST_BYTES } from "./request.ts";

const POSITIVE = "must be a positive id: a number, or its digits as text";

/** An id as JSON has it: a number, or text for those that are too long for one. */
export const idInput = z
  .union([z.int(), z.string()], POSITIVE)
  .refine((id) => /^\d{1,19}$/.test(String(id)), POSITIVE)
  .transform(BigInt);

/** A JSON object as a REST route takes it; throws a violation that names the field. */
export async function readBody<Shape>(req: IncomingMessage, shape: z.ZodType<Shape>): Promise<Shape> {
  const read = shape.safeParse(parseJson(await readText(req)));
  if (read.success) return read.data;
  const [issue] = read.error.issues as [z.core.$ZodIssue];
  if (issue.code === "unrecognized_keys")
    throw invalidField(issue.keys[0] ?? "body", "the request has no such field");
  throw invalidField(pathOf(issue) || "body", wordsOf(issue));
}

const TYPES: Record<string, string> = {
  array: "a list",
  int: "a whole number",
  number: "a whole number",
  object: "an object",
  string: "text",
};

/** Also of a field that is missing. */
function wordsOf(issue: z.core.$ZodIssue): string {
  if (issue.code !== "invalid_type") return issue.message;
  return `must be ${TYPES[issue.expected] ?? issue.expected}`;
}

/** `items[0].qty`. */
function pathOf({ path }: z.core.$ZodIssue): string {
  return path
    .map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`))
    .join("")
    .replace(/^\./, "");
}

async function readText(req: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of req as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_REQUEST_BYTES)
      throw new DomainError("INVALID_FIELD", `the request has more than ${MAX_REQUEST_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new DomainError("INVALID_FIELD", "the request's body is no JSON");
  }
}

/** A number where JSON's numbers are exact, else text. */
export function idOutput(id: bigint): number | string {
  return id <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(id) : String(id);
}
