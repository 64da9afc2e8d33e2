import type { DescMethod, DescService } from "@bufbuild/protobuf";
import { OperationsService } from "../../gen/wms/v1/operations_service_pb.js";
import { WarehouseService } from "../../gen/wms/v1/warehouse_service_pb.js";
import type { Role } from "../domain/ownership.ts";
import type { Caller, HandlersOf } from "./handler.ts";
import { rolesFor } from "./scopes.ts";

export interface Handlers {
  warehouse: HandlersOf<typeof WarehouseService>;
  operations: HandlersOf<typeof OperationsService>;
}

/** One RPC as both servers see it. */
export interface Rpc {
  method: DescMethod;
  /** Such as `wms.v1.WarehouseService/PickItem`. */
  name: string;
  roles: readonly Role[];
  /** Answers a message, or messages where the method streams them. */
  handle: (request: never, caller: Caller) => unknown;
}

export const SERVICES: readonly DescService[] = [WarehouseService, OperationsService];

/** Every RPC of the contract, with its handler and the roles that may call it. */
export function routeRpcs(handlers: Handlers): Rpc[] {
  return [...rpcsOf(WarehouseService, handlers.warehouse), ...rpcsOf(OperationsService, handlers.operations)];
}

function rpcsOf(service: DescService, handlers: object): Rpc[] {
  return service.methods.map((method) => ({
    method,
    name: `${service.typeName}/${method.name}`,
    roles: rolesFor(service.typeName, method.localName),
    handle: (handlers as Record<string, Rpc["handle"]>)[method.localName] as Rpc["handle"],
  }));
}
