import { type DescMessage, fromBinary, type Message } from "@bufbuild/protobuf";
import { DomainError, invalidField } from "../domain/errors.ts";

/** Scanners send little; the largest honest request is a bulk upsert. */
export const MAX_REQUEST_BYTES = 4 * 1024 * 1024;

/** Bytes that are no message of the type. Handed on instead of thrown, so that the caller gets a proper answer. */
export class Unreadable {
  readonly error: DomainError;

  constructor(type: DescMessage) {
    this.error = new DomainError("INVALID_FIELD", `the request is not a readable ${type.typeName}`);
  }
}

export function readBinary(type: DescMessage, bytes: Uint8Array): Message | Unreadable {
  try {
    return fromBinary(type, bytes);
  } catch {
    return new Unreadable(type);
  }
}

const UNKNOWN_KEY = /^(?:parse JSON: )?cannot decode message [\w.]+ from JSON: key "(.{1,100}?)" is unknown/;
const WRONG_FIELD = /^(?:parse JSON: )?cannot decode field [\w.]+\.(\w+) from JSON: (.*)$/s;

/** What Connect says of JSON that it can't read, in the form of our own field violations. */
export function explainUnreadableJson(message: string): DomainError {
  const unknown = UNKNOWN_KEY.exec(message)?.[1];
  if (unknown !== undefined) return invalidField(unknown, "the request has no such field");
  const [, field, problem] = WRONG_FIELD.exec(message) ?? [];
  if (field !== undefined) return invalidField(field, problem || "has the wrong type");
  return new DomainError(
    "INVALID_FIELD",
    message.replace(/^parse (JSON|binary): /, "the request can't be read: "),
  );
}
