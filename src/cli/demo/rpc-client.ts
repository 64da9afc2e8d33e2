import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import {
  create,
  type DescMethod,
  fromBinary,
  type Message,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import * as grpc from "@grpc/grpc-js";
import { ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.js";
import { StatusSchema } from "../../../gen/google/rpc/status_pb.js";
import type { Latencies } from "./latencies.ts";

/** A refusal by the service: what a scanner would show. */
export class Refusal extends Error {
  readonly code: grpc.status;
  readonly reason: string;

  constructor(error: grpc.ServiceError) {
    super(error.details);
    this.code = error.code;
    this.reason = reasonOf(error);
  }
}

const PATIENCE_MS = 120_000;
const ANSWER_MS = 30_000;
const OPTIONS: grpc.ClientOptions = {
  "grpc.use_local_subchannel_pool": 1, // devices share no connection
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 500,
  "grpc.max_receive_message_length": 64 * 1024 * 1024,
};

export interface Device {
  /** Where the service is now. */
  address: () => string;
  token: string;
  latencies: Latencies;
}

/** One device: its own connection, its own token. It repeats what got no answer, under the same request id. */
export class RpcClient {
  readonly #device: Device;
  readonly #metadata = new grpc.Metadata();
  #address: string;
  #client: grpc.Client;

  constructor(device: Device) {
    this.#device = device;
    this.#metadata.set("authorization", `Bearer ${device.token}`);
    this.#address = device.address();
    this.#client = new grpc.Client(this.#address, grpc.credentials.createInsecure(), OPTIONS);
  }

  /** `answerMs`: how long one try may take. */
  async call<M extends DescMethod>(
    method: M,
    request: MessageInitShape<M["input"]>,
    answerMs = ANSWER_MS,
  ): Promise<MessageShape<M["output"]>> {
    const message = create(method.input, request as never) as Message & { requestId?: string };
    if ("requestId" in message && !message.requestId) message.requestId = randomUUID();
    const deadline = Date.now() + PATIENCE_MS + answerMs;
    for (;;) {
      const started = performance.now();
      try {
        const answer = await this.#send(method, message, answerMs);
        this.#device.latencies.add(method.name, performance.now() - started);
        return answer;
      } catch (error) {
        if (!isUnanswered(error) || Date.now() > deadline) throw new Refusal(error as grpc.ServiceError);
        await delay(100);
        this.#followService();
      }
    }
  }

  close(): void {
    this.#client.close();
  }

  #followService(): void {
    const address = this.#device.address();
    if (address === this.#address) return;
    this.#client.close();
    this.#client = new grpc.Client(address, grpc.credentials.createInsecure(), OPTIONS);
    this.#address = address;
  }

  #send<M extends DescMethod>(
    method: M,
    message: Message,
    answerMs: number,
  ): Promise<MessageShape<M["output"]>> {
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest<Message, MessageShape<M["output"]>>(
        `/${method.parent.typeName}/${method.name}`,
        (value) => Buffer.from(toBinary(method.input, value as never)),
        (bytes) => fromBinary(method.output, bytes) as MessageShape<M["output"]>,
        message,
        this.#metadata,
        { deadline: Date.now() + answerMs },
        (error, value) => (error ? reject(error) : resolve(value as MessageShape<M["output"]>)),
      );
    });
  }
}

/** Nobody knows whether it was done: the same request id makes it safe to ask again. */
function isUnanswered(error: unknown): boolean {
  const { code, details } = error as grpc.ServiceError;
  const { UNAVAILABLE, DEADLINE_EXCEEDED, ABORTED, RESOURCE_EXHAUSTED, CANCELLED, INTERNAL } = grpc.status;
  if ([UNAVAILABLE, DEADLINE_EXCEEDED, ABORTED, RESOURCE_EXHAUSTED, CANCELLED].includes(code)) return true;
  return code === INTERNAL && /RST_STREAM|stream/i.test(details); // the connection broke in mid-answer
}

function reasonOf(error: grpc.ServiceError): string {
  const [bytes] = error.metadata?.get("grpc-status-details-bin") ?? [];
  if (!(bytes instanceof Buffer)) return "";
  const info = fromBinary(StatusSchema, bytes).details.find((detail) => detail.typeUrl.endsWith("ErrorInfo"));
  return info ? fromBinary(ErrorInfoSchema, info.value).reason : "";
}
