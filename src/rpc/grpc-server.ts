import { once } from "node:events";
import { type DescService, type Message, toBinary } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import * as grpc from "@grpc/grpc-js";
import { HealthImplementation } from "grpc-health-check";
import type { Dispatcher, Incoming } from "./dispatcher.ts";
import { encodeDetails } from "./errors.ts";
import { addReflection } from "./grpc-reflection.ts";
import { MAX_REQUEST_BYTES, readBinary, Unreadable } from "./request.ts";
import type { Rpc } from "./router.ts";

/** What one connection may cost. The defaults let a single socket hold thousands of streams and unbounded memory. */
const LIMITS: grpc.ServerOptions = {
  "grpc.max_receive_message_length": MAX_REQUEST_BYTES,
  "grpc.max_concurrent_streams": 100,
  "grpc-node.max_session_memory": 10, // megabytes
  "grpc.keepalive_time_ms": 30_000, // finds scanners that have lost their network
  "grpc.keepalive_timeout_ms": 10_000,
  "grpc.keepalive_permit_without_calls": 1,
  "grpc.max_connection_idle_ms": 30 * 60_000,
  "grpc.max_connection_age_ms": 60 * 60_000, // so that connections spread over new processes
  "grpc.max_connection_age_grace_ms": 60 * 60_000,
  "grpc.enable_channelz": 0,
};

/** PEM texts. With `clientCa`, a caller needs a certificate of that authority. */
export interface Tls {
  cert: Buffer;
  key: Buffer;
  clientCa?: Buffer | undefined;
}

export interface GrpcServerOptions {
  host: string;
  port: number;
  rpcs: readonly Rpc[];
  dispatcher: Dispatcher;
  reflection: boolean;
  tls?: Tls | undefined;
}

export interface GrpcServer {
  port: number;
  setServing(serving: boolean): void;
  /** Lets running calls finish, for `graceMs` at most; new ones are refused. */
  stop(graceMs: number): Promise<void>;
}

export async function startGrpcServer(options: GrpcServerOptions): Promise<GrpcServer> {
  const { host, port, rpcs, dispatcher, reflection, tls } = options;
  grpc.setLogVerbosity(grpc.logVerbosity.NONE); // it writes to stderr what the rejected promise says anyway
  const server = new grpc.Server(LIMITS);
  const services = new Set(rpcs.map((rpc) => rpc.method.parent));
  for (const service of services) addService(server, service, rpcs, dispatcher);
  const health = new HealthImplementation();
  health.addToServer(server);
  if (reflection) addReflection(server);
  const setServing = (serving: boolean) => {
    for (const name of ["", ...[...services].map((service) => service.typeName)])
      health.setStatus(name, serving ? "SERVING" : "NOT_SERVING");
  };
  setServing(true);
  return { port: await bind(server, host, port, tls), setServing, stop: (graceMs) => stop(server, graceMs) };
}

function addService(
  server: grpc.Server,
  service: DescService,
  rpcs: readonly Rpc[],
  dispatcher: Dispatcher,
): void {
  const own = rpcs.filter((rpc) => rpc.method.parent === service);
  const definition = own.map((rpc) => [rpc.method.name, methodDefinition(rpc)] as const);
  const handlers = own.map((rpc) => {
    const streams = rpc.method.methodKind === "server_streaming";
    return [rpc.method.name, streams ? serveStream(rpc, dispatcher) : serveUnary(rpc, dispatcher)] as const;
  });
  server.addService(Object.fromEntries(definition), Object.fromEntries(handlers));
}

function methodDefinition({ method }: Rpc): grpc.MethodDefinition<Message | Unreadable, Message> {
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    requestStream: false,
    responseStream: method.methodKind === "server_streaming",
    requestSerialize: () => Buffer.alloc(0), // a client's part
    requestDeserialize: (bytes) => readBinary(method.input, bytes),
    responseSerialize: (message) => {
      const bytes = toBinary(method.output, message);
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    },
    responseDeserialize: () => {
      throw new Error("a server reads no answers");
    },
  };
}

type Request = Message | Unreadable;

function serveUnary(rpc: Rpc, dispatcher: Dispatcher): grpc.handleUnaryCall<Request, Message> {
  return (call, callback) => {
    dispatcher.unary(rpc, call.request, incomingOf(call)).then(
      (answer) => callback(null, answer),
      (error: ConnectError) => callback(toStatus(error)),
    );
  };
}

function serveStream(rpc: Rpc, dispatcher: Dispatcher): grpc.handleServerStreamingCall<Request, Message> {
  return (call) => {
    const send = async () => {
      const cancelled = new Promise<void>((resolve) => call.once("cancelled", () => resolve()));
      for await (const message of dispatcher.stream(rpc, call.request, incomingOf(call))) {
        if (!call.write(message)) await Promise.race([once(call, "drain"), cancelled]);
      }
      call.end();
    };
    send().catch((error: ConnectError) => call.emit("error", toStatus(error)));
  };
}

function incomingOf(
  call: grpc.ServerUnaryCall<Request, Message> | grpc.ServerWritableStream<Request, Message>,
): Incoming {
  return {
    transport: "grpc",
    authorization: call.metadata.get("authorization")[0]?.toString(),
    deadline: Number(call.getDeadline()),
    onCancel: (listener) => call.once("cancelled", () => listener(false)),
  };
}

function toStatus(error: ConnectError): Partial<grpc.StatusObject> {
  const metadata = new grpc.Metadata();
  const details = encodeDetails(error);
  if (details) metadata.set("grpc-status-details-bin", Buffer.from(details));
  return { code: error.code as number, details: error.rawMessage, metadata };
}

function bind(server: grpc.Server, host: string, port: number, tls: Tls | undefined): Promise<number> {
  const credentials = tls
    ? grpc.ServerCredentials.createSsl(
        tls.clientCa ?? null,
        [{ cert_chain: tls.cert, private_key: tls.key }],
        tls.clientCa !== undefined,
      )
    : grpc.ServerCredentials.createInsecure();
  const address = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, bound) => (error ? reject(error) : resolve(bound)));
  });
}

function stop(server: grpc.Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      server.forceShutdown();
      resolve();
    }, graceMs);
    server.tryShutdown(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
