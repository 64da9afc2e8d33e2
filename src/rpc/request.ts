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

/** How Connect begins when it can't parse a request. */
const UNREADABLE = /^(cannot decode |parse binary: )/;
const UNKNOWN_KEY = /^cannot decode message [\w.]+ from JSON: key "(.{1,100}?)" is unknown/s;
const WRONG_FIELD = /^cannot decode field [\w.]+\.(\w+) from JSON: (.*)$/s;
const WRONG_ENUM = /^cannot decode enum ([\w.]+) from JSON: (.*)$/s;

/** What Connect says of a request that it can't parse, in the form of our own field violations. */
export function explainUnreadable(type: DescMessage, message: string): DomainError | undefined {
  if (!UNREADABLE.test(message)) return undefined;
  const unknown = UNKNOWN_KEY.exec(message)?.[1];
  if (unknown !== undefined) return invalidField(unknown, "the request has no such field");
  const [, field, problem = ""] = WRONG_FIELD.exec(message) ?? [];
  if (field !== undefined) return invalidField(field, problem);
  const [, enumeration, value = ""] = WRONG_ENUM.exec(message) ?? [];
  if (enumeration !== undefined) return wrongEnum(type, enumeration, value);
  const reason = message.split(" from JSON: ")[1];
  const error = new Unreadable(type).error;
  return reason === undefined ? error : new DomainError(error.reason, `${error.message}: ${reason}`);
}

function wrongEnum(type: DescMessage, name: string, value: string): DomainError {
  const [field] = enumFields(type, name);
  const description = `${value.slice(0, 100)} is no value of ${name}`;
  return field
    ? invalidField(field.path, `${description}; values: ${field.values.join(", ")}`)
    : new DomainError("INVALID_FIELD", description);
}

/** The fields of an enumeration's type, with their paths; messages that hold themselves are entered once. */
function enumFields(
  type: DescMessage,
  name: string,
  above: readonly DescMessage[] = [],
): { path: string; values: string[] }[] {
  return type.fields.flatMap((field) => {
    if (field.enum?.typeName === name)
      return [{ path: field.name, values: field.enum.values.slice(1).map((one) => one.name) }];
    if (!field.message || above.includes(field.message)) return [];
    return enumFields(field.message, name, [...above, type]).map((inner) => ({
      ...inner,
      path: `${field.name}.${inner.path}`,
    }));
  });
}
