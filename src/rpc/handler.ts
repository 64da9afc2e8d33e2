import { createHash } from "node:crypto";
import type { DescMethod, DescService, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { toBinary } from "@bufbuild/protobuf";
import type { Call } from "../db/idempotency.ts";
import type { Role } from "../domain/ownership.ts";
import { optionalRequestId } from "./parse.ts";

/** Who calls, as the transport has found out. Handlers know no transport. */
export interface Caller {
  /** The token's subject; request ids are unique per principal. */
  principal: string;
  role: Role;
  /** Set for workers: they act on their own tasks only. */
  workerId?: bigint | undefined;
  /** The RPC's full name, such as `wms.v1.WarehouseService/PickItem`. */
  method: string;
  /** Aborted when the caller has gone or its deadline has passed. */
  signal: AbortSignal;
}

type UnaryHandler<M extends DescMethod> = (
  request: MessageShape<M["input"]>,
  caller: Caller,
) => Promise<MessageInitShape<M["output"]>>;

type StreamHandler<M extends DescMethod> = (
  request: MessageShape<M["input"]>,
  caller: Caller,
) => AsyncIterable<MessageInitShape<M["output"]>>;

/** One handler for each RPC of a service, by the name that the generated stubs give it. */
export type HandlersOf<S extends DescService> = {
  [K in keyof S["method"]]: S["method"][K] extends DescMethod & { methodKind: "server_streaming" }
    ? StreamHandler<S["method"][K]>
    : UnaryHandler<S["method"][K]>;
};

/** What makes a write replayable: principal, method, the caller's request id and the content it came with. */
export function callOf<M extends DescMethod>(
  method: M,
  request: MessageShape<M["input"]>,
  caller: Caller,
): Call {
  const { request_id } = readRequestId(request);
  return {
    principal: caller.principal,
    method: method.name,
    requestId: request_id,
    bodyHash: createHash("sha256").update(toBinary(method.input, request)).digest(),
  };
}

function readRequestId(request: unknown): { request_id: string | undefined } {
  const { requestId } = request as { requestId?: string };
  return { request_id: optionalRequestId(requestId ?? "") };
}
