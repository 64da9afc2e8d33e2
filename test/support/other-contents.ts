import {
  clone,
  create,
  type DescField,
  type DescMessage,
  type Message,
  ScalarType,
} from "@bufbuild/protobuf";

/** The message with one thing at a time said otherwise; all of it well-formed, the request id the same. */
export function otherContents(type: DescMessage, message: Message): Message[] {
  return type.fields
    .filter((field) => field.name !== "request_id")
    .flatMap((field) =>
      otherValues(field, read(message, field)).map((value) => write(type, message, field, value)),
    );
}

type Fields = Record<string, unknown>;

function read(message: Message, { oneof, localName }: DescField): unknown {
  if (!oneof) return (message as unknown as Fields)[localName];
  const chosen = (message as unknown as Fields)[oneof.localName] as { case?: string; value?: unknown };
  return chosen.case === localName ? chosen.value : undefined;
}

function write(type: DescMessage, message: Message, field: DescField, value: unknown): Message {
  const copy = clone(type, message) as unknown as Fields;
  if (field.oneof) copy[field.oneof.localName] = { case: field.localName, value };
  else copy[field.localName] = value;
  return copy as unknown as Message;
}

function otherValues(field: DescField, value: unknown): unknown[] {
  if (field.fieldKind === "scalar") return [otherScalar(field.scalar, value)];
  if (field.fieldKind === "enum")
    return [field.enum.values.map(({ number }) => number).find((number) => number !== (value ?? 0))];
  if (field.fieldKind === "message")
    return value === undefined
      ? [create(field.message)]
      : [...otherContents(field.message, value as Message), undefined];
  if (field.fieldKind !== "list") return [];
  const list = value as unknown[];
  return [[...list, ...anyOf(field, list)], ...othersOfFirst(field, list)];
}

/** One entry more. */
function anyOf(field: DescField & { fieldKind: "list" }, list: readonly unknown[]): unknown[] {
  if (list.length > 0) return list.slice(0, 1);
  if (field.listKind === "message") return [create(field.message)];
  return [field.listKind === "enum" ? field.enum.values[1]?.number : otherScalar(field.scalar, undefined)];
}

function othersOfFirst(
  field: DescField & { fieldKind: "list" },
  [first, ...rest]: readonly unknown[],
): unknown[] {
  if (first === undefined || field.listKind === "enum") return [];
  if (field.listKind === "scalar") return [[otherScalar(field.scalar, first), ...rest]];
  return otherContents(field.message, first as Message).map((other) => [other, ...rest]);
}

function otherScalar(scalar: ScalarType, value: unknown): unknown {
  if (scalar === ScalarType.STRING) return `${(value as string | undefined) ?? ""}x`;
  if (scalar === ScalarType.BOOL) return value !== true;
  if (typeof value === "number") return value + 1;
  if (typeof value === "bigint") return value + 1n;
  return [ScalarType.INT64, ScalarType.UINT64].includes(scalar) ? 1n : 1;
}
