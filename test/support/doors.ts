import { createRequire } from "node:module";
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  create,
  type DescMethod,
  type DescService,
  fromBinary,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import * as grpc from "@grpc/grpc-js";
import { pino } from "pino";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.js";
import { StatusSchema } from "../../gen/google/rpc/status_pb.js";
import { OperationsService } from "../../gen/wms/v1/operations_service_pb.js";
import { WarehouseService } from "../../gen/wms/v1/warehouse_service_pb.js";
import type { Role } from "../../src/domain/ownership.ts";
import { type AuthOptions, createAuthenticator } from "../../src/rpc/auth.ts";
import { Dispatcher } from "../../src/rpc/dispatcher.ts";
import { startGrpcServer, type Tls } from "../../src/rpc/grpc-server.ts";
import { startHttpServer } from "../../src/rpc/http-server.ts";
import { issueToken } from "../../src/rpc/issue-token.ts";
import { type Handlers, routeRpcs } from "../../src/rpc/router.ts";
import type { WebhookRoute } from "../../src/rpc/webhook-route.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { type Check, createReadiness } from "../../src/telemetry/readiness.ts";

/** For services whose streams nobody asks about. */
export const noStreams = async () => ({ streams: [], outbox: { unpublished: 0, oldest_age_ms: null } });

export const SECRET = "a secret of the tests, longer than 32 characters";

export interface Doors {
  grpcPort: number;
  grpcAddress: string;
  httpUrl: string;
  dispatcher: Dispatcher;
  /** The log's lines, parsed. */
  logged: Record<string, unknown>[];
  close(): Promise<void>;
}

export interface DoorsOptions {
  auth?: AuthOptions;
  checks?: Record<string, Check>;
  reflection?: boolean;
  maxInFlight?: number;
  maxStreams?: number;
  tls?: Tls;
  findWebhookRoute?: WebhookRoute;
}

/** The handlers that a test asks for. The others answer UNIMPLEMENTED. */
export type SomeHandlers = { [Service in keyof Handlers]?: Partial<Handlers[Service]> };

/** Both servers on free ports, in this process, in front of the given handlers. */
export async function openDoors(handlers: SomeHandlers, options: DoorsOptions = {}): Promise<Doors> {
  const logged: Record<string, unknown>[] = [];
  const logger = pino({ level: "trace" }, { write: (line: string) => void logged.push(JSON.parse(line)) });
  const metrics = createMetrics();
  const dispatcher = new Dispatcher({
    authenticate: createAuthenticator(options.auth ?? { mode: "none" }),
    logger,
    metrics,
    ...(options.maxInFlight === undefined ? {} : { maxInFlight: options.maxInFlight }),
    ...(options.maxStreams === undefined ? {} : { maxStreams: options.maxStreams }),
  });
  const rpcs = routeRpcs(filled(handlers));
  const common = { host: "127.0.0.1", port: 0, rpcs, dispatcher, tls: options.tls };
  const server = await startGrpcServer({ ...common, reflection: options.reflection ?? true });
  const readiness = createReadiness(options.checks ?? {});
  const http = await startHttpServer({
    ...common,
    logger,
    metrics,
    readiness,
    findLabelRoute: () => undefined,
    findWebhookRoute: options.findWebhookRoute,
  });
  return {
    grpcPort: server.port,
    grpcAddress: `127.0.0.1:${server.port}`,
    httpUrl: `${options.tls ? "https" : "http"}://127.0.0.1:${http.port}`,
    dispatcher,
    logged,
    close: async () => {
      dispatcher.endStreams();
      await Promise.all([server.stop(1_000), http.stop(1_000)]);
    },
  };
}

function filled({ warehouse, operations }: SomeHandlers): Handlers {
  const missing = () => {
    throw new ConnectError("this test has no handler for it", Code.Unimplemented);
  };
  const fill = (service: DescService, handlers: object = {}) => ({
    ...Object.fromEntries(service.methods.map(({ localName }) => [localName, missing])),
    ...handlers,
  });
  return {
    warehouse: fill(WarehouseService, warehouse),
    operations: fill(OperationsService, operations),
  } as never;
}

export function tokenOf(role: Role, workerId?: bigint, expires = "1h"): Promise<string> {
  return issueToken(SECRET, { subject: `test-${role}`, role, workerId, expires });
}

export interface Refusal {
  code: number;
  message: string;
  reason: string | undefined;
  metadata: Record<string, string>;
  fields: string[];
  retryable: boolean;
}

interface CallOptions {
  token?: string;
  deadlineMs?: number;
  /** Waits for a server until the deadline, instead of failing when none is there. */
  waitForReady?: boolean;
}

/** A grpc-js client that knows any method by its descriptor. */
export class TestClient {
  readonly #client: grpc.Client;

  constructor(
    address: string,
    credentials = grpc.credentials.createInsecure(),
    options: grpc.ClientOptions = {},
  ) {
    this.#client = new grpc.Client(address, credentials, options);
  }

  close(): void {
    this.#client.close();
  }

  call<M extends DescMethod>(
    method: M,
    request: MessageInitShape<M["input"]>,
    options: CallOptions = {},
  ): Promise<MessageShape<M["output"]>> {
    const bytes = Buffer.from(toBinary(method.input, create(method.input, request)));
    return this.bytes(method, bytes, options).then(
      (answer) => fromBinary(method.output, answer) as MessageShape<M["output"]>,
    );
  }

  /** Sends bytes as they are, be they a message or not. */
  bytes(
    method: DescMethod,
    bytes: Buffer,
    { token, deadlineMs = 10_000, waitForReady = false }: CallOptions = {},
  ): Promise<Buffer> {
    const metadata = new grpc.Metadata({ waitForReady });
    if (token !== undefined) metadata.set("authorization", token);
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        pathOf(method.parent, method.name),
        (same: Buffer) => same,
        (same: Buffer) => same,
        bytes,
        metadata,
        { deadline: Date.now() + deadlineMs },
        (error, answer) => (error ? reject(error) : resolve(answer as Buffer)),
      );
    });
  }

  /** How the call was refused; throws when it was not. */
  async refusal<M extends DescMethod>(
    method: M,
    request: MessageInitShape<M["input"]>,
    options: CallOptions = {},
  ): Promise<Refusal> {
    return refusalOf(this.call(method, request, options));
  }

  stream<M extends DescMethod>(
    method: M,
    request: MessageInitShape<M["input"]>,
  ): grpc.ClientReadableStream<MessageShape<M["output"]>> {
    return this.#client.makeServerStreamRequest(
      pathOf(method.parent, method.name),
      (message: MessageShape<M["input"]>) => Buffer.from(toBinary(method.input, message)),
      (bytes: Buffer) => fromBinary(method.output, bytes) as MessageShape<M["output"]>,
      create(method.input, request) as MessageShape<M["input"]>,
    );
  }
}

export async function refusalOf(call: Promise<unknown>): Promise<Refusal> {
  const error = await call.then(
    () => {
      throw new Error("the call was not refused");
    },
    (reason: grpc.ServiceError) => reason,
  );
  return readRefusal(error);
}

export function readRefusal(error: grpc.ServiceError): Refusal {
  const [encoded] = error.metadata?.get("grpc-status-details-bin") ?? [];
  const details = encoded ? fromBinary(StatusSchema, encoded as Buffer).details : [];
  const info = details.map((any) => anyUnpack(any, ErrorInfoSchema)).find(Boolean);
  const badRequest = details.map((any) => anyUnpack(any, BadRequestSchema)).find(Boolean);
  return {
    code: error.code,
    message: error.details,
    reason: info?.reason,
    metadata: { ...info?.metadata },
    fields: badRequest?.fieldViolations.map((violation) => violation.field) ?? [],
    retryable: details.some((any) => anyUnpack(any, RetryInfoSchema) !== undefined),
  };
}

function pathOf(service: DescService, name: string): string {
  return `/${service.typeName}/${name}`;
}

/** The reflection protocol's client part, from the very files that the server's package brings. */
export function reflectionClient(address: string, version: "v1" | "v1alpha") {
  const require = createRequire(import.meta.url);
  const home = createRequire(require.resolve("@grpc/reflection"));
  const loader = home("@grpc/proto-loader") as { loadSync(path: string, options: object): grpc.GrpcObject };
  const folder = new URL(
    `../../node_modules/@grpc/reflection/build/proto/grpc/reflection/${version}/`,
    import.meta.url,
  );
  const loaded = loader.loadSync(new URL("reflection.proto", folder).pathname, {
    longs: String,
    oneofs: true,
  });
  const name = `grpc.reflection.${version}.ServerReflection`;
  const Client = grpc.makeGenericClientConstructor(loaded[name] as unknown as grpc.ServiceDefinition, name);
  return new Client(address, grpc.credentials.createInsecure());
}
