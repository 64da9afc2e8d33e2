import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import * as grpc from "@grpc/grpc-js";
import { RetryInfoSchema } from "../../../gen/google/rpc/error_details_pb.js";
import { StatusSchema } from "../../../gen/google/rpc/status_pb.js";
import { WarehouseService } from "../../../gen/wms/v1/warehouse_service_pb.js";
import type { Cluster } from "./cluster.ts";

const { listOrders: METHOD } = WarehouseService.method;

export interface Probe {
  ok: boolean;
  code: grpc.status;
  /** It was told that, and when, to come again. */
  retryable: boolean;
  ms: number;
}

/** Asks for something small that needs the database, once, and looks at the answer. */
export class Prober {
  readonly #cluster: Cluster;
  readonly #clients: grpc.Client[];
  #metadata: grpc.Metadata | undefined;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.#clients = cluster.services.map(
      ({ grpcPort }) => new grpc.Client(`127.0.0.1:${grpcPort}`, grpc.credentials.createInsecure()),
    );
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }

  ask(deadlineMs = 5_000): Promise<Probe> {
    return this.#ask(this.#clients[0] as grpc.Client, deadlineMs);
  }

  askAll(deadlineMs = 5_000): Promise<Probe[]> {
    return Promise.all(this.#clients.map((client) => this.#ask(client, deadlineMs)));
  }

  async #ask(client: grpc.Client, deadlineMs: number): Promise<Probe> {
    this.#metadata ??= await this.#credentials();
    const started = performance.now();
    const request = Buffer.from(toBinary(METHOD.input, create(METHOD.input, { pageSize: 1 })));
    const metadata = this.#metadata;
    const error = await new Promise<grpc.ServiceError | null>((resolve) => {
      const same = (bytes: Buffer) => bytes;
      const options = { deadline: Date.now() + deadlineMs };
      client.makeUnaryRequest(
        `/${METHOD.parent.typeName}/${METHOD.name}`,
        same,
        same,
        request,
        metadata,
        options,
        resolve,
      );
    });
    const ms = performance.now() - started;
    return { ok: error === null, code: error?.code ?? grpc.status.OK, retryable: saysWhen(error), ms };
  }

  async #credentials(): Promise<grpc.Metadata> {
    const metadata = new grpc.Metadata();
    metadata.set("authorization", `Bearer ${await this.#cluster.tokenOf("operator")}`);
    return metadata;
  }
}

function saysWhen(error: grpc.ServiceError | null): boolean {
  const [encoded] = error?.metadata?.get("grpc-status-details-bin") ?? [];
  if (!(encoded instanceof Buffer)) return false;
  return fromBinary(StatusSchema, encoded).details.some(
    (detail) => anyUnpack(detail, RetryInfoSchema) !== undefined,
  );
}
