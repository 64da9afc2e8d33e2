import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { appendEvents } from "../../src/db/outbox.ts";
import { inTransaction } from "../../src/db/transaction.ts";
import { event } from "../../src/domain/events.ts";
import { type KafkaForwarder, startKafkaForwarder } from "../../src/events/kafka-forwarder.ts";
import {
  countPending,
  countUnfinished,
  dyingForwarder,
  hasKcat,
  type KafkaMessage,
  type MockKafka,
  numbersOf,
  startMockKafka,
  untilReading,
} from "../support/kafka.ts";
import { KafkaGate } from "../support/kafka-gate.ts";
import { type Proxy, startProxy } from "../support/proxy.ts";
import { RelayWorld, upTo } from "../support/relays.ts";
import { ServiceProcess } from "../support/service-process.ts";
import { silent } from "../support/streams.ts";
import { until } from "../support/until.ts";

const TOPIC = "tracking.updated";
const ORDERS = upTo(7);

let world: RelayWorld;
let kafka: MockKafka;
let proxy: Proxy;
const forwarders: KafkaForwarder[] = [];
const children: ChildProcess[] = [];

/** Each order's next tracking event, told apart by its number, among events that are not for Kafka. */
async function track(numbers: readonly number[]): Promise<void> {
  for (const number of numbers)
    await inTransaction(world.db, (trx) =>
      appendEvents(
        trx,
        ORDERS.flatMap((order_id) => [
          event("shipment.status_changed", { shipment_id: order_id, order_id }),
          // Two shipments in turn: the order's events keep their order all the same.
          event("tracking.updated", { shipment_id: 10 * order_id + (number % 2), order_id, number }),
        ]),
      ),
    );
}

function optionsOf() {
  const urls = { databaseUrl: world.database.url, redisUrl: world.server.url };
  return { ...urls, brokers: [new URL(proxy.url).host], topic: TOPIC };
}

function forward(more: { alertAfterMs?: number } = {}): KafkaForwarder {
  const forwarder = startKafkaForwarder({ ...optionsOf(), logger: silent, ...more });
  forwarders.push(forwarder);
  return forwarder;
}

/** Once every order has so many messages; more than that are told too. */
function received(count: number): Promise<KafkaMessage[]> {
  return until(
    `${count} messages of each order are in Kafka`,
    async () => {
      const messages = await kafka.read(TOPIC);
      return ORDERS.every((order) => numbersOf(messages, order).length >= count) && messages;
    },
    20_000,
  );
}

const allAcknowledged = () =>
  until("all is acknowledged", async () => (await countUnfinished(world.redis)) === 0 && (true as const));

describe.skipIf(!hasKcat)("forwarding to Kafka (skipped where there is no kcat)", () => {
  beforeEach(async () => {
    [world, kafka] = await Promise.all([RelayWorld.open(), startMockKafka()]);
    proxy = await startProxy(`tcp://${kafka.address}`);
  });
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
    await Promise.all(forwarders.splice(0).map((forwarder) => forwarder.stop()));
    await Promise.all([world.close(), kafka.end(), proxy.close()]);
  });

  it("sends tracking events once each, keyed by order, in each order's order, whoever forwards", async () => {
    world.relay();
    const [one] = [forward(), forward()];
    await track(upTo(20));
    await received(20);
    await one?.stop();
    await track([21]);
    const messages = await received(21);
    await allAcknowledged();
    for (const order of ORDERS) expect(numbersOf(messages, order)).toEqual(upTo(21));
    expect(messages).toHaveLength(21 * ORDERS.length);
    const [{ key, headers, fields }] = messages as [KafkaMessage];
    expect(headers).toEqual({ event_id: fields["event_id"], type: TOPIC });
    expect(fields).toMatchObject({ order_id: key, type: TOPIC, sequence: expect.any(String) });
  });

  it("waits while Kafka is away, says so, and loses nothing", async () => {
    world.relay();
    forward({ alertAfterMs: 300 });
    await track([1]);
    await received(1);
    await kafka.end();
    proxy.cut();
    await track([2, 3]);
    const alert = await until("it is an alert", async () => (await world.openAlerts())[0]);
    expect(alert).toMatchObject({ name: "kafka_unreachable", key: "", severity: "critical" });
    expect(await countUnfinished(world.redis)).toBeGreaterThan(0);
    kafka = await startMockKafka();
    proxy.retarget(`tcp://${kafka.address}`);
    proxy.mend();
    const messages = await received(2);
    for (const order of ORDERS) expect(numbersOf(messages, order)).toEqual([2, 3]);
    await until("the alert is over", async () => (await world.openAlerts()).length === 0);
    await allAcknowledged();
  });

  it("sends again what Kafka had and nobody had acknowledged, when it was killed in between", async () => {
    const relay = world.relay();
    await track(upTo(3));
    await relay.stop();
    const child = dyingForwarder(optionsOf());
    children.push(child);
    await once(child, "exit");
    expect(child.signalCode).toBe("SIGKILL");
    await received(3);
    forward();
    await allAcknowledged();
    const messages = await received(6);
    for (const order of ORDERS) expect(numbersOf(messages, order)).toEqual([...upTo(3), ...upTo(3)]);
    const ids = new Set(messages.map(({ headers }) => headers["event_id"]));
    expect(ids.size).toBe(3 * ORDERS.length);
  });

  it("loses nothing and keeps each order's order, through lost answers, an outage and kills in between", async () => {
    const gate = await KafkaGate.open(kafka.address);
    proxy.retarget(`tcp://${gate.address}`);
    world.relay();
    const first = forward();
    await track([1]);
    await received(1);
    for (const number of [2, 3, 4]) {
      gate.loseAnswers();
      await track([number]);
      await received(number);
    }
    await first.stop();
    const waiting = dyingForwarder(optionsOf());
    children.push(waiting);
    await untilReading(world.redis);
    gate.shut();
    await track([5, 6, 7]);
    await until("it has taken what it can't send", async () => (await countPending(world.redis)) > 0);
    waiting.kill("SIGKILL");
    await track([8, 9]);
    gate.reopen();
    const unlucky = dyingForwarder(optionsOf());
    children.push(unlucky);
    await once(unlucky, "exit");
    expect(unlucky.signalCode).toBe("SIGKILL");
    await track([10]);
    forward();
    await until("the last are in Kafka", async () => {
      const seen = await kafka.read(TOPIC);
      return ORDERS.every((order) => numbersOf(seen, order).includes(10));
    });
    await allAcknowledged();
    const messages = await kafka.read(TOPIC);
    for (const order of ORDERS) expect([...new Set(numbersOf(messages, order))]).toEqual(upTo(10));
    await gate.close();
  });

  it("forwards, when a process drains, what its relay has just published", async () => {
    const urls = { DATABASE_URL: world.database.url, REDIS_URL: world.server.url };
    const settings = { ROLES: "relay", KAFKA_BROKERS: kafka.address, KAFKA_TOPIC: "parcels" };
    const service = await ServiceProcess.spawn({ ...urls, ...settings });
    children.push(service.child);
    await service.ready();
    await track(upTo(5));
    await service.end("SIGTERM");
    const messages = await kafka.read("parcels");
    for (const order of ORDERS) expect(numbersOf(messages, order)).toEqual(upTo(5));
    expect(await countUnfinished(world.redis)).toBe(0);
  });
});
