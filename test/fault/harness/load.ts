import { setTimeout as delay } from "node:timers/promises";
import { sql } from "kysely";
import type { Order } from "../../../gen/wms/v1/orders_pb.js";
import { WarehouseService } from "../../../gen/wms/v1/warehouse_service_pb.js";
import { emptyTally, type Floor } from "../../../src/cli/demo/floor.ts";
import { inParallel } from "../../../src/cli/demo/in-parallel.ts";
import { Latencies } from "../../../src/cli/demo/latencies.ts";
import { findOpen } from "../../../src/cli/demo/outcome.ts";
import { packAllDay } from "../../../src/cli/demo/packers.ts";
import { pickAllDay } from "../../../src/cli/demo/pickers.ts";
import { Random } from "../../../src/cli/demo/random.ts";
import { Refusal, type RpcClient } from "../../../src/cli/demo/rpc-client.ts";
import { CONSUMER_GROUP } from "../../../src/domain/events.ts";
import type { Role } from "../../../src/domain/ownership.ts";
import { until } from "../../support/until.ts";
import type { Cluster } from "./cluster.ts";
import { type FedOrder, Feeder } from "./feeder.ts";
import { describeStall } from "./stall.ts";
import { Witness, WitnessedClient } from "./witness.ts";
import { buildWorld, stockUp, type World } from "./world.ts";

const rpc = WarehouseService.method;
/** Of all orders, so many are cancelled: by an event, and by a call. */
const CANCELLED_BY_EVENT = 0.04;
const CANCELLED_BY_CALL = 0.05;
/** When nothing has moved for so long, something is stuck. */
const STALLED_MS = 90_000;

export interface LoadOptions {
  seed: number;
  orders: number;
  perSecond: number;
  pickers: number;
  packers: number;
}

export const USUAL_LOAD: Omit<LoadOptions, "seed"> = { orders: 60, perSecond: 15, pickers: 4, packers: 3 };

let loads = 0;

/**
 * A warehouse at work: orders come in, people pick, pack, ship and cancel, each repeating under the same request id
 * what got no answer. `witness` keeps what they were told.
 */
export class Load {
  readonly seed: number;
  readonly witness = new Witness();
  readonly latencies = new Latencies();
  readonly orders: readonly FedOrder[];
  readonly operator: RpcClient;
  readonly world: World;
  readonly feeder: Feeder;
  readonly floor: Floor;
  readonly #cluster: Cluster;
  readonly #options: LoadOptions;
  readonly #devices: RpcClient[] = [];
  #over = false;
  #working: Promise<unknown> = Promise.resolve();
  #feeding: Promise<void> = Promise.resolve();

  private constructor(
    cluster: Cluster,
    options: LoadOptions,
    made: Pick<Load, "operator" | "world" | "orders" | "feeder">,
  ) {
    this.seed = options.seed;
    this.#cluster = cluster;
    this.#options = options;
    this.operator = made.operator;
    this.world = made.world;
    this.orders = made.orders;
    this.feeder = made.feeder;
    const warehouses = made.world.warehouses.map(({ id }) => id);
    this.floor = { warehouses, packers: options.packers, tally: emptyTally(), over: () => this.#over };
  }

  /** Builds its world while all is well, and begins. */
  static async start(cluster: Cluster, options: LoadOptions): Promise<Load> {
    const nth = ++loads;
    const random = new Random(options.seed);
    const latencies = new Latencies();
    const token = await cluster.tokenOf("operator");
    const builder = new WitnessedClient({ address: cluster.addresses(nth), token, latencies }, new Witness());
    const world = await buildWorld(builder, nth);
    builder.close();
    const orders = makeOrders(world, nth, options.orders, random);
    const feeder = new Feeder(cluster.redis.url, orders, random, CANCELLED_BY_EVENT);
    const witness = new Witness();
    const operator = new WitnessedClient({ address: cluster.addresses(nth), token, latencies }, witness);
    const load = new Load(cluster, options, { operator, world, orders, feeder });
    (load as { witness: Witness }).witness = witness;
    await stockUp(operator, world, unitsOf(orders, random), random);
    await load.#begin(random);
    return load;
  }

  async #begin(random: Random): Promise<void> {
    this.#feeding = this.feeder.run(this.#options.perSecond);
    this.#working = Promise.all([...this.#hire(), this.#cancelSome(random)]);
    this.#working.catch(() => {}); // told by `finish`
  }

  /** Waits for the orders' progress: `share` of them are shipped. */
  async reached(share: number, deadlineMs = 120_000): Promise<void> {
    const wanted = Math.ceil(share * this.orders.length);
    await until(
      `${wanted} of ${this.orders.length} orders are shipped (${this.floor.tally.shipped} are)`,
      async () => {
        await Promise.race([this.#working, delay(50)]); // somebody who failed says so
        return this.floor.tally.shipped >= wanted;
      },
      deadlineMs,
    );
  }

  /** Until every order is where it must be, or nothing moves any more. Says how long that took, in ms. */
  async finish({ resend = false } = {}): Promise<number> {
    const started = performance.now();
    try {
      await this.#feeding;
      await Promise.race([this.#working.then(() => this.#untilSettled(resend)), this.#untilSettled(resend)]);
    } finally {
      this.#over = true;
    }
    await this.#working;
    return performance.now() - started;
  }

  async #untilSettled(resend: boolean): Promise<void> {
    let movedAt = Date.now();
    let seen = "";
    let unknown = await this.#unprocessed();
    for (;;) {
      // In this order: what is processed stays so, and only then nothing open means that nothing is left.
      if (unknown.size > 0) unknown = await this.#unprocessed();
      const { open, shortages } = await findOpen(this.operator);
      const own = open.filter(({ orderId }) => this.#ids.has(orderId));
      if (own.length === 0 && unknown.size === 0) return;
      const state = `${own.length} ${unknown.size} ${this.witness.writes}`;
      if (state !== seen) movedAt = Date.now();
      seen = state;
      const restMs = Date.now() - movedAt;
      if (restMs > STALLED_MS) throw new Error(await this.#stalled(own, unknown));
      if (restMs > 2_000 && resend) await this.feeder.resend(unknown);
      if (restMs > 2_000) await this.#replenish(shortages);
      await delay(300);
    }
  }

  get #ids(): ReadonlySet<bigint> {
    return new Set(this.orders.map(({ orderId }) => orderId));
  }

  /** Events of the orders that have not been taken. */
  async #unprocessed(): Promise<Set<string>> {
    const sent = this.feeder.eventIds;
    const { rows } = await this.#cluster.steadily(() =>
      sql<{ event_id: string }>`
        select event_id from processed_events
        where consumer = ${CONSUMER_GROUP} and event_id = any(${[...sent]}::text[])`.execute(
        this.#cluster.db,
      ),
    );
    const taken = new Set(rows.map(({ event_id }) => event_id));
    return new Set([...sent].filter((eventId) => !taken.has(eventId)));
  }

  /** As the service tells them now. */
  async ownOrders(): Promise<Map<bigint, Order>> {
    const orders = new Map<bigint, Order>();
    await inParallel(8, this.orders, async ({ orderId }) => {
      const order = await this.operator.call(rpc.getOrder, { orderId }).catch((error: unknown) => {
        if (error instanceof Refusal && error.reason === "ORDER_NOT_FOUND") return undefined;
        throw error;
      });
      // A cancellation may be known before what it cancels.
      if (order && order.items.length > 0) orders.set(orderId, order);
    });
    return orders;
  }

  async #replenish(shortages: ReadonlyMap<bigint, number>): Promise<void> {
    const own = [...shortages].filter(([listingId]) => this.world.listings.includes(listingId));
    await stockUp(this.operator, this.world, new Map(own), new Random(this.seed));
  }

  async #stalled(open: readonly Order[], unknown: ReadonlySet<string>): Promise<string> {
    const ids = open.map(({ orderId }) => orderId);
    const missing = [...unknown].join(", ") || "none";
    const details = await describeStall(this.#cluster, ids);
    return `nothing moves (seed ${this.seed}): ${ids.length} orders open, events not taken: ${missing}\n${details}`;
  }

  #hire(): Promise<void>[] {
    const { pickers, packers, seed } = this.#options;
    return Array.from({ length: pickers + packers }, async (_, nth) => {
      const id = BigInt(loads * 100 + nth + 1);
      const device = await this.#device(nth, "worker", id);
      const worker = { id, random: new Random(seed * 1_000 + nth) };
      await (nth < pickers ? pickAllDay : packAllDay)(device, worker, this.floor);
    });
  }

  /** Customers who call when it may be too late already. */
  async #cancelSome(random: Random): Promise<void> {
    const desk = await this.#device(1, "operator");
    for (const { orderId } of this.orders.filter(() => random.chance(CANCELLED_BY_CALL))) {
      while (!this.#over && this.floor.tally.shipped < random.below(this.orders.length)) await delay(100);
      await desk.call(rpc.cancelOrder, { orderId, reason: "by phone" }).catch((error: unknown) => {
        if (!(error instanceof Refusal)) throw error;
      });
    }
  }

  async #device(nth: number, role: Role, workerId?: bigint): Promise<WitnessedClient> {
    const token = await this.#cluster.tokenOf(role, workerId);
    const address = this.#cluster.addresses(nth);
    const device = new WitnessedClient({ address, token, latencies: this.latencies }, this.witness);
    this.#devices.push(device);
    return device;
  }

  close(): void {
    for (const device of [this.operator, ...this.#devices]) device.close();
  }
}

function makeOrders(world: World, nth: number, count: number, random: Random): FedOrder[] {
  return Array.from({ length: count }, (_, index) => {
    const listings = new Set(Array.from({ length: 1 + random.below(3) }, () => random.pick(world.listings)));
    const items = [...listings].map((listingId) => ({ listingId, quantity: 1 + random.below(4) }));
    return { orderId: BigInt(nth * 100_000 + index + 1), items };
  });
}

/** A little more than the orders want of most goods, too little of some. */
function unitsOf(orders: readonly FedOrder[], random: Random): Map<bigint, number> {
  const wanted = new Map<bigint, number>();
  for (const { items } of orders)
    for (const { listingId, quantity } of items)
      wanted.set(listingId, (wanted.get(listingId) ?? 0) + quantity);
  return new Map(
    [...wanted].map(([listingId, units]) => [
      listingId,
      random.chance(0.2) ? Math.ceil(units / 2) : units + 10,
    ]),
  );
}
