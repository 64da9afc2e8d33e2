import { randomUUID } from "node:crypto";
import {
  create,
  type DescMethod,
  type Message,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import type { PlaceInventoryRequest } from "../../../gen/wms/v1/inventory_pb.js";
import { type Order, OrderStatus } from "../../../gen/wms/v1/orders_pb.js";
import type { PackingTask } from "../../../gen/wms/v1/packing_pb.js";
import type { PickItemRequest } from "../../../gen/wms/v1/picking_pb.js";
import { type Device, RpcClient } from "../../../src/cli/demo/rpc-client.ts";

/** A write that got its answer: asked again with the same bytes, it must get the same answer. */
export interface Replay {
  method: DescMethod;
  message: Message;
  answer: Message;
  client: RpcClient;
}

const KEPT_REPLAYS = 300;
/** Printing is reading: printed again, it is the label as it is then. */
const READS = new Set(["PrintLabel"]);
/** Cold hands and no patience: then the next process is asked. */
const ANSWER_MS = 5_000;

/** What the clients were told, and nothing else: the book that the service's own book is compared with. */
export class Witness {
  /** Units placed, by listing. */
  readonly placed = new Map<bigint, number>();
  /** Units picked, by picking task item. */
  readonly picked = new Map<bigint, number>();
  readonly shippedOrders = new Set<bigint>();
  readonly cancelledOrders = new Set<bigint>();
  readonly replays: Replay[] = [];
  answers = 0;
  writes = 0;
  /** What is asked again for a check is no news. */
  closed = false;

  note(method: DescMethod, request: Message, answer: Message, client: RpcClient): void {
    if (this.closed) return;
    this.answers += 1;
    if ("requestId" in request) this.writes += 1;
    if ("requestId" in request && !READS.has(method.name))
      this.#keep({ method, message: request, answer, client });
    noteAnswer(this, method.name, request, answer);
  }

  /** A sample over the whole run: later answers take the place of earlier ones. */
  #keep(replay: Replay): void {
    const at = this.answers % (KEPT_REPLAYS * 7);
    if (this.replays.length < KEPT_REPLAYS) this.replays.push(replay);
    else if (at < KEPT_REPLAYS) this.replays[at] = replay;
  }
}

function noteAnswer(book: Witness, name: string, request: unknown, answer: unknown): void {
  switch (name) {
    case "PlaceInventory": {
      const { listingId, quantity } = request as PlaceInventoryRequest;
      return add(book.placed, listingId, quantity);
    }
    case "PickItem": {
      const { itemId, quantity } = request as PickItemRequest;
      return add(book.picked, itemId, quantity);
    }
    case "ShipPackingTask":
      return void book.shippedOrders.add((answer as PackingTask).orderId);
    case "CancelOrder": {
      const { orderId, status } = answer as Order;
      return void (status === OrderStatus.CANCELLED && book.cancelledOrders.add(orderId));
    }
    default:
      return undefined; // reads, and steps that later ones prove
  }
}

function add(sums: Map<bigint, number>, key: bigint, quantity: number): void {
  sums.set(key, (sums.get(key) ?? 0) + quantity);
}

/** A device whose answers are written into the book. */
export class WitnessedClient extends RpcClient {
  readonly #book: Witness;

  constructor(device: Device, book: Witness) {
    super(device);
    this.#book = book;
  }

  override async call<M extends DescMethod>(
    method: M,
    request: MessageInitShape<M["input"]>,
    answerMs = ANSWER_MS,
  ): Promise<MessageShape<M["output"]>> {
    const message = create(method.input, request as never) as Message & { requestId?: string };
    if ("requestId" in message && !message.requestId) message.requestId = randomUUID();
    const answer = await super.call(method, message as never, answerMs);
    this.#book.note(method, message, answer as Message, this);
    return answer;
  }
}
