/**
 * What can be refused, as one table: reason → category. `rpc/errors.ts` maps a category to a gRPC code.
 * A reason is part of the contract: clients branch on it.
 */
export type ErrorCategory =
  | "invalid" // the request itself is wrong
  | "missing" // no such thing
  | "precondition" // the present state forbids it
  | "stale" // lost a race; the same call may succeed now
  | "duplicate" // already there
  | "unauthenticated"
  | "denied"
  | "overload"
  | "unavailable";

export const REASONS = {
  INVALID_FIELD: "invalid",
  REQUEST_ID_REUSED: "invalid",
  WAREHOUSE_NOT_FOUND: "missing",
  LOCATION_NOT_FOUND: "missing",
  LISTING_NOT_FOUND: "missing",
  PRODUCT_LOCATION_NOT_FOUND: "missing",
  RESERVATION_NOT_FOUND: "missing",
  ORDER_NOT_FOUND: "missing",
  FULFILLMENT_NOT_FOUND: "missing",
  PICKING_TASK_NOT_FOUND: "missing",
  PICKING_TASK_ITEM_NOT_FOUND: "missing",
  NO_ITEM_LEFT: "missing",
  NO_TASK_WAITING: "missing",
  PACKING_TASK_NOT_FOUND: "missing",
  PACKING_TASK_ITEM_NOT_FOUND: "missing",
  PACKAGE_NOT_FOUND: "missing",
  SHIPMENT_NOT_FOUND: "missing",
  CARRIER_NOT_FOUND: "missing",
  LABEL_NOT_FOUND: "missing",
  DEAD_LETTER_NOT_FOUND: "missing",
  ILLEGAL_TRANSITION: "precondition",
  INSUFFICIENT_STOCK: "precondition",
  STOCK_RESERVED: "precondition",
  LOCATION_IN_USE: "precondition",
  RESERVATION_IN_USE: "precondition",
  DIMENSIONS_MISSING: "precondition",
  TRACKING_NUMBER_MISSING: "precondition",
  LABEL_NOT_READY: "precondition",
  WRONG_BARCODE: "precondition",
  ITEMS_PENDING: "precondition",
  ITEMS_UNPACKED: "precondition",
  QUANTITY_EXCEEDED: "precondition",
  NOTHING_PICKED: "precondition",
  SHIPMENT_EXISTS: "duplicate",
  PICKING_TASK_EXISTS: "duplicate",
  PACKING_TASK_EXISTS: "duplicate",
  TRACKING_NUMBER_TAKEN: "duplicate",
  ALREADY_EXISTS: "duplicate",
  CONCURRENT_UPDATE: "stale",
  UNAUTHENTICATED: "unauthenticated",
  SCOPE_MISSING: "denied",
  NOT_YOUR_TASK: "denied",
  OVERLOADED: "overload",
  DEPENDENCY_UNAVAILABLE: "unavailable",
} as const satisfies Record<string, ErrorCategory>;

export type Reason = keyof typeof REASONS;

export interface FieldViolation {
  field: string;
  description: string;
}

/** A refusal that a caller can act on. Its message names the thing, its present state and what would be allowed. */
export class DomainError extends Error {
  readonly reason: Reason;
  readonly metadata: Record<string, string>;
  readonly violations: readonly FieldViolation[];

  constructor(
    reason: Reason,
    message: string,
    metadata: Record<string, string | number | bigint> = {},
    violations: readonly FieldViolation[] = [],
  ) {
    super(message);
    this.name = "DomainError";
    this.reason = reason;
    this.metadata = Object.fromEntries(Object.entries(metadata).map(([key, value]) => [key, String(value)]));
    this.violations = violations;
  }

  get category(): ErrorCategory {
    return REASONS[this.reason];
  }
}

/** One field of the request is wrong; `field` is its proto path, such as `items[2].quantity`. */
export function invalidField(field: string, description: string): DomainError {
  return new DomainError("INVALID_FIELD", `${field}: ${description}`, { field }, [{ field, description }]);
}

/** Somebody else is away. The cause is for the log: callers need not know where he is. */
export function unavailable(
  message: string,
  cause: unknown,
  metadata: Record<string, string | bigint> = {},
): DomainError {
  const error = new DomainError("DEPENDENCY_UNAVAILABLE", message, metadata);
  error.cause = cause;
  return error;
}
