import { Code, ConnectError } from "@connectrpc/connect";
import { DomainError } from "../domain/errors.ts";
import { fromDomainError } from "./errors.ts";

/** The contract's HTTP column. */
const STATUS: Partial<Record<Code, number>> = {
  [Code.InvalidArgument]: 400,
  [Code.Unauthenticated]: 401,
  [Code.PermissionDenied]: 403,
  [Code.NotFound]: 404,
  [Code.FailedPrecondition]: 409,
  [Code.Aborted]: 409,
  [Code.AlreadyExists]: 409,
  [Code.ResourceExhausted]: 429,
  [Code.Canceled]: 499,
  [Code.Unavailable]: 503,
  [Code.DeadlineExceeded]: 504,
};

export interface RestError {
  status: number;
  message: string;
  /** Such as `SHIPMENT_NOT_FOUND`; empty when there is none. */
  reason: string;
  /** The fields that are wrong. */
  fields: string[];
  /** The same request may succeed soon. */
  again: boolean;
}

interface Detail {
  value?: { reason?: string; fieldViolations?: { field: string }[]; retryDelay?: object };
}

/** What a caller is told; undefined: an error that is none of the contract's. */
export function restErrorOf(error: unknown): RestError | undefined {
  const known = error instanceof DomainError ? fromDomainError(error) : error;
  if (!(known instanceof ConnectError)) return undefined;
  const details = (known.details as unknown as Detail[]).map(({ value }) => value ?? {});
  return {
    status: STATUS[known.code] ?? 500,
    message: known.rawMessage,
    reason: details.find((value) => value.reason)?.reason ?? "",
    fields: details.flatMap((value) => value.fieldViolations?.map(({ field }) => field) ?? []),
    again: details.some((value) => value.retryDelay),
  };
}
