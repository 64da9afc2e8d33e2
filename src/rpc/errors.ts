import { randomUUID } from "node:crypto";
import { create, type Message, toBinary } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.js";
import { StatusSchema } from "../../gen/google/rpc/status_pb.js";
import { DomainError, type ErrorCategory } from "../domain/errors.ts";
import type { Logger } from "../logger.ts";
import { fromDatabaseError } from "./database-errors.ts";

/** Connect's codes are gRPC's, by number. */
const CODES = {
  invalid: Code.InvalidArgument,
  missing: Code.NotFound,
  precondition: Code.FailedPrecondition,
  stale: Code.Aborted,
  duplicate: Code.AlreadyExists,
  unauthenticated: Code.Unauthenticated,
  denied: Code.PermissionDenied,
  overload: Code.ResourceExhausted,
  unavailable: Code.Unavailable,
} as const satisfies Record<ErrorCategory, Code>;

const DOMAIN = "wms";
const RETRY_AFTER_SECONDS = 1n;
/** Errors travel in HTTP/2 headers, which clients bound at 8 KiB. */
const MAX_MESSAGE = 500;
const MAX_METADATA = 200;
const MAX_VIOLATIONS = 5;

type Detail = { desc: GenMessage<Message>; value: Record<string, unknown> };

/**
 * What a caller is told. `ConnectError` is the neutral form: connect-node sends it as it is, and the gRPC server by
 * `encodeDetails`. What we don't know becomes an id that leads to the log line, and tells nothing else.
 */
export function toConnectError(error: unknown, logger: Logger, method: string): ConnectError {
  if (error instanceof ConnectError) return error;
  const known = error instanceof DomainError ? error : fromDatabaseError(error);
  if (known) return fromDomainError(known);
  const errorId = randomUUID();
  logger.error({ err: error, error_id: errorId, method }, "internal error");
  const info: Detail = {
    desc: ErrorInfoSchema,
    value: { reason: "INTERNAL", domain: DOMAIN, metadata: { error_id: errorId } },
  };
  return new ConnectError(`internal error ${errorId}`, Code.Internal, undefined, [info] as never);
}

export function fromDomainError(error: DomainError): ConnectError {
  return new ConnectError(
    clip(error.message, MAX_MESSAGE),
    CODES[error.category],
    undefined,
    detailsOf(error) as never,
  );
}

function detailsOf(error: DomainError): Detail[] {
  const metadata = Object.entries(error.metadata).map(([key, value]) => [key, clip(value, MAX_METADATA)]);
  const details: Detail[] = [
    {
      desc: ErrorInfoSchema,
      value: { reason: error.reason, domain: DOMAIN, metadata: Object.fromEntries(metadata) },
    },
  ];
  if (error.violations.length > 0) {
    const fieldViolations = error.violations.slice(0, MAX_VIOLATIONS).map(({ field, description }) => ({
      field: clip(field, MAX_METADATA),
      description: clip(description, MAX_METADATA),
    }));
    details.push({ desc: BadRequestSchema, value: { fieldViolations } });
  }
  if (error.category === "overload" || error.category === "unavailable")
    details.push({ desc: RetryInfoSchema, value: { retryDelay: { seconds: RETRY_AFTER_SECONDS } } });
  return details;
}

/** A `google.rpc.Status`, as `grpc-status-details-bin` carries it; undefined when there is nothing beside the code. */
export function encodeDetails(error: ConnectError): Uint8Array | undefined {
  const details = (error.details as unknown as Detail[]).filter((detail) => "desc" in detail);
  if (details.length === 0) return undefined;
  return toBinary(
    StatusSchema,
    create(StatusSchema, {
      code: error.code,
      message: error.rawMessage,
      details: details.map(({ desc, value }) => anyPack(desc, create(desc, value))),
    }),
  );
}

/** Well-formed, since half a surrogate pair can't be sent, and short enough for a header. */
function clip(text: string, max: number): string {
  const whole = text.toWellFormed();
  return whole.length <= max ? whole : `${whole.slice(0, max - 1).toWellFormed()}…`;
}
