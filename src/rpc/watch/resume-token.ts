import { invalidField } from "../../domain/errors.ts";

const TOKEN = /^1\.(\d{1,18})$/;

/** Callers keep it as it is; the number before the point says how to read the rest. */
export function resumeToken(position: bigint): string {
  return `1.${position}`;
}

/** Undefined: none was given. */
export function parseResumeToken(token: string | undefined): bigint | undefined {
  if (token === undefined || token === "") return undefined;
  const position = TOKEN.exec(token)?.[1];
  if (position !== undefined) return BigInt(position);
  throw invalidField("resume_token", "must be one that an earlier watch has sent, or be left out");
}
