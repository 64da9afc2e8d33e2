import { isMessage } from "@bufbuild/protobuf";
import { type Timestamp, TimestampSchema, timestampDate } from "@bufbuild/protobuf/wkt";
import { invalidField } from "../domain/errors.ts";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const ISO_DATE = /^(\d{4}-\d{2}-\d{2})(?:T.*)?$/;
const MAX_ID = 2n ** 63n - 1n;
const MAX_QUANTITY = 1_000_000_000;

/** An id that must be given: 1 to 2^63-1. */
export function requiredId(field: string, value: bigint): bigint {
  if (value <= 0n || value > MAX_ID) throw invalidField(field, `must be a positive id, not ${value}`);
  return value;
}

/** An id that may be left out: undefined or 0 means absent. */
export function optionalId(field: string, value: bigint | undefined): bigint | undefined {
  return value === undefined || value === 0n ? undefined : requiredId(field, value);
}

/** Whole base units, 1 to 10^9. */
export function requiredQuantity(field: string, value: number): number {
  if (!Number.isInteger(value) || value <= 0 || value > MAX_QUANTITY)
    throw invalidField(field, `must be a whole number from 1 to ${MAX_QUANTITY}, not ${value}`);
  return value;
}

/** kg or cm: above 0, at most 100,000, and not NaN. */
export function requiredMeasure(field: string, value: number): number {
  if (!(value > 0 && value <= 100_000))
    throw invalidField(field, `must be above 0 and at most 100000, not ${value}`);
  if (value < 0.001) throw invalidField(field, "must be at least 0.001");
  return value;
}

/** Trimmed text, at most `max` characters, without control characters; empty when left out. */
export function text(field: string, value: string | undefined, max = 255): string {
  const trimmed = (value ?? "").trim();
  if (trimmed.length > max)
    throw invalidField(field, `must be at most ${max} characters, not ${trimmed.length}`);
  if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/.test(trimmed))
    throw invalidField(field, "must hold no control characters");
  return trimmed;
}

export function requiredText(field: string, value: string, max = 255): string {
  const trimmed = text(field, value, max);
  if (trimmed === "") throw invalidField(field, "must not be empty");
  return trimmed;
}

export function optionalRequestId(value: string): string | undefined {
  if (value === "") return undefined;
  if (!UUID.test(value)) throw invalidField("request_id", `must be a UUID, not "${value.slice(0, 50)}"`);
  return value.toLowerCase();
}

export function optionalTimestamp(field: string, value: Timestamp | undefined): Date | undefined {
  if (value === undefined) return undefined;
  const date = isMessage(value, TimestampSchema) ? timestampDate(value) : undefined;
  const year = date?.getUTCFullYear() ?? Number.NaN;
  if (!date || Number.isNaN(date.getTime()) || year < 1970 || year > 9999)
    throw invalidField(field, "must be a time from 1970 to 9999");
  return date;
}

/** `YYYY-MM-DD`; a full RFC 3339 time is taken by its date. */
export function optionalDate(field: string, value: string | undefined): string | undefined {
  if (!value) return undefined;
  const date = ISO_DATE.exec(value)?.[1];
  const parsed = date === undefined ? Number.NaN : Date.parse(`${date}T00:00:00Z`);
  if (date === undefined || Number.isNaN(parsed) || new Date(parsed).toISOString().slice(0, 10) !== date)
    throw invalidField(field, `must be a date such as 2027-01-31, not "${value.slice(0, 50)}"`);
  return date;
}

export interface Page {
  size: number;
  /** The key of the last row that the caller has seen, which is its id where nothing else is said; 0 starts. */
  after: bigint;
}

const DEFAULT_PAGE = 50;
const MAX_PAGE = 1000;

/** Pages go by key: the token is the key of the last row that the caller has seen. A size above the maximum means the maximum. */
export function page(request: { pageSize: number; pageToken: string }): Page {
  if (request.pageSize < 0)
    throw invalidField(
      "page_size",
      `must be 0 (default ${DEFAULT_PAGE}) to ${MAX_PAGE}, not ${request.pageSize}`,
    );
  return {
    size: Math.min(request.pageSize || DEFAULT_PAGE, MAX_PAGE),
    after: parsePageToken(request.pageToken),
  };
}

/** An id may have nineteen digits, and not every number of nineteen digits is one. */
function parsePageToken(token: string): bigint {
  const after = /^\d{0,19}$/.test(token) ? BigInt(token) : undefined; // empty: 0
  if (after === undefined || after > MAX_ID)
    throw invalidField("page_token", "must be the next_page_token of an earlier answer");
  return after;
}

/** The token of the next page: empty when this one was not full. */
export function nextPageToken(rows: readonly { id: bigint }[], { size }: Page): string {
  return rows.length < size ? "" : String(rows[rows.length - 1]?.id ?? "");
}

/** A list of at most `max` entries, or none: what is too much is refused, and never left out. */
export function optionalList<T>(field: string, list: readonly T[], max: number): readonly T[] {
  if (list.length > max) throw invalidField(field, `must have at most ${max} entries, not ${list.length}`);
  return list;
}

/** A non-empty list of at most `max` entries. */
export function requiredList<T>(field: string, list: readonly T[], max: number): readonly T[] {
  if (list.length === 0) throw invalidField(field, "must not be empty");
  return optionalList(field, list, max);
}
