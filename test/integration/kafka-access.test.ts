import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { appendEvents } from "../../src/db/outbox.ts";
import { inTransaction } from "../../src/db/transaction.ts";
import { event } from "../../src/domain/events.ts";
import { type KafkaForwarder, startKafkaForwarder } from "../../src/events/kafka-forwarder.ts";
import type { KafkaTarget } from "../../src/kafka-settings.ts";
import { hasKcat, type MockKafka, numbersOf, startMockKafka } from "../support/kafka.ts";
import { KafkaGate, type KafkaGateOptions } from "../support/kafka-gate.ts";
import { RelayWorld } from "../support/relays.ts";
import { until } from "../support/until.ts";

const TOPIC = "tracking.updated";
const LOGIN = { username: "wms", password: "correct-horse, battery=staple" };

let world: RelayWorld;
let kafka: MockKafka;
let gate: KafkaGate;
let forwarder: KafkaForwarder | undefined;
let logged: string;

async function forward(door: KafkaGateOptions, access: Pick<KafkaTarget, "tls" | "sasl">): Promise<void> {
  gate = await KafkaGate.open(kafka.address, door);
  logged = "";
  const logger = pino({ level: "trace" }, { write: (line: string) => void (logged += line) });
  const urls = { databaseUrl: world.database.url, redisUrl: world.server.url };
  const target = { brokers: [gate.address], topic: TOPIC, ...access };
  forwarder = startKafkaForwarder({ ...urls, ...target, logger, alertAfterMs: 200 });
}

/** An order's next tracking event. */
const track = (number: number) =>
  inTransaction(world.db, (trx) =>
    appendEvents(trx, [event("tracking.updated", { shipment_id: 10, order_id: 1, number })]),
  );

const arrived = () =>
  until(
    "the event is in Kafka",
    async () => numbersOf(await kafka.read(TOPIC), 1).length > 0 && kafka.read(TOPIC),
    20_000,
  );

function certificate(subject: string): { cert: Buffer; key: Buffer } {
  const folder = mkdtempSync(join(tmpdir(), "kafka-tls-"));
  const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  execFileSync(
    "openssl",
    `req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=kafka -addext subjectAltName=${subject} -out ${cert} -keyout ${key}`.split(
      " ",
    ),
    { stdio: "ignore" },
  );
  return { cert: readFileSync(cert), key: readFileSync(key) };
}

const refused = async () => {
  const alert = await until("it is an alert", async () => (await world.openAlerts())[0], 20_000);
  expect(alert.name).toBe("kafka_unreachable");
  expect(gate.admitted).toBe(0);
  return alert.summary;
};

describe.skipIf(!hasKcat)("a Kafka that asks who is there (skipped where there is no kcat)", () => {
  beforeEach(async () => {
    [world, kafka] = await Promise.all([RelayWorld.open(), startMockKafka()]);
    world.relay();
    await track(1);
  });
  afterEach(async () => {
    await forwarder?.stop();
    await Promise.all([world.close(), kafka.end(), gate.close()]);
  });

  it.each(["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] as const)(
    "is told a name and a password by %s",
    async (mechanism) => {
      await forward({ login: { mechanism, ...LOGIN } }, { sasl: { mechanism, ...LOGIN } });
      const [message] = await arrived();
      expect(message).toMatchObject({ key: "1", fields: { type: TOPIC } });
      const shown = Buffer.concat(gate.heard).includes(LOGIN.password);
      expect(shown).toBe(mechanism === "PLAIN");
      expect(logged).not.toContain(LOGIN.password);
    },
  );

  it.each([
    ["a wrong password", { mechanism: "SCRAM-SHA-256", ...LOGIN, password: "never-to-be-logged" }],
    ["another mechanism", { mechanism: "PLAIN", ...LOGIN, password: "never-to-be-logged" }],
  ] as const)("that refuses %s is an alert, which shows no secret, and nothing is lost", async (_, sasl) => {
    await forward({ login: { mechanism: "SCRAM-SHA-256", ...LOGIN } }, { sasl });
    const summary = await refused();
    expect(summary).toMatch(/SASL/);
    for (const text of [summary, logged]) expect(text).not.toContain(sasl.password);
    await forwarder?.stop();
    await gate.close();
    await forward({}, {});
    expect(await arrived()).toHaveLength(1);
  });

  it("is called by TLS, if its certificate is one of the named authority's, and its own", async () => {
    const right = certificate("IP:127.0.0.1");
    await forward({ tls: right }, { tls: { ca: right.cert } });
    expect(await arrived()).toHaveLength(1);
  });

  it.each([
    ["unknown authority's", "IP:127.0.0.1", /self-signed certificate|unable to verify/],
    ["other host's", "DNS:kafka-2.example", /does not match certificate's altnames|not in the cert's list/],
  ])("is not told anything under an %s certificate", async (which, subject, words) => {
    const wrong = certificate(subject);
    const ca = which.startsWith("unknown") ? certificate("IP:127.0.0.1").cert : wrong.cert;
    await forward(
      { tls: wrong, login: { mechanism: "PLAIN", ...LOGIN } },
      {
        tls: { ca },
        sasl: { mechanism: "PLAIN", ...LOGIN },
      },
    );
    expect(await refused()).toMatch(words);
    expect(gate.heard).toEqual([]);
  });
});
