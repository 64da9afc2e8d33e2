import { type ChildProcess, execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import type { Redis } from "ioredis";
import type { KafkaForwarderOptions } from "../../src/events/kafka-forwarder.ts";
import { KAFKA_READER } from "../../src/events/kafka-forwarding.ts";
import { asRecord } from "../../src/events/streams.ts";
import { until } from "./until.ts";

/** Whether there is a kcat, whose library has a Kafka inside that speaks the protocol of a real one. */
export const hasKcat = spawnSync("kcat", ["-V"]).status === 0;

export interface KafkaMessage {
  partition: number;
  key: string;
  headers: Record<string, string>;
  fields: Record<string, string>;
}

export interface MockKafka {
  /** host:port */
  address: string;
  read(topic: string): Promise<KafkaMessage[]>;
  end(): Promise<void>;
}

const ADDRESS = /Mock cluster enabled: .* replaced with (\S+:\d+)/;

/** An empty cluster of one broker, whose topics have four partitions and are made when first asked for. */
export async function startMockKafka(): Promise<MockKafka> {
  // A producer that never gets a message keeps the cluster open, until its input ends with this process.
  const setting = ["-X", "test.mock.num.brokers=1"];
  const child = spawn("kcat", ["-P", "-b", "none", "-t", "none", ...setting], {
    stdio: ["pipe", "ignore", "pipe"],
  });
  const closed = once(child, "close");
  const address = await findAddress(child.stderr);
  return {
    address,
    read: (topic) => readTopic(address, topic),
    async end() {
      child.kill("SIGKILL");
      await closed;
    },
  };
}

async function findAddress(output: NodeJS.ReadableStream): Promise<string> {
  const seen: string[] = [];
  for await (const line of createInterface({ input: output })) {
    const [, address] = ADDRESS.exec(line) ?? [];
    if (address) return address;
    seen.push(line);
  }
  throw new Error(`kcat told no address:\n${seen.join("\n")}`);
}

/** What a subscriber that is not ours reads, each partition in its order. */
async function readTopic(address: string, topic: string): Promise<KafkaMessage[]> {
  const args = ["-C", "-b", address, "-t", topic, "-e", "-q", "-J"];
  const { stdout } = await promisify(execFile)("kcat", args, { timeout: 15_000, maxBuffer: 1e8 });
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => toMessage(JSON.parse(line) as RawMessage));
}

interface RawMessage {
  partition: number;
  key: string;
  /** Names and values in turn. */
  headers: string[];
  payload: string;
}

function toMessage({ partition, key, headers, payload }: RawMessage): KafkaMessage {
  const pairs = headers.flatMap((name, at) => (at % 2 === 0 ? [[name, headers[at + 1]]] : []));
  return { partition, key, headers: Object.fromEntries(pairs), fields: JSON.parse(payload) };
}

/** What an order's messages say of their `number`, as they stand. */
export const numbersOf = (messages: readonly KafkaMessage[], order: number) =>
  messages.filter(({ key }) => key === String(order)).map(({ fields }) => Number(fields["number"]));

/** Entries that the forwarders' group has still to get, or to finish. */
export async function countUnfinished(redis: Redis): Promise<number> {
  const { pending, lag } = await groupOf(redis);
  return Number(pending) + Number(lag);
}

/** Entries that a forwarder has taken, and not finished. */
export async function countPending(redis: Redis): Promise<number> {
  return Number((await groupOf(redis))["pending"]);
}

/** The last look of one that has just stopped is no older than this, by Redis's clock. */
const JUST_NOW_MS = 300;

/** Once a forwarder reads the stream that was not there before. */
export async function untilReading(redis: Redis): Promise<void> {
  const begun = performance.now();
  await until("a forwarder reads", async () => {
    const [reader] = (await redis.xinfo("CONSUMERS", KAFKA_READER.stream, KAFKA_READER.group)) as unknown[][];
    return Number(asRecord(reader ?? [])["idle"]) < performance.now() - begun - JUST_NOW_MS;
  });
}

async function groupOf(redis: Redis) {
  const [group] = (await redis.xinfo("GROUPS", KAFKA_READER.stream)) as unknown[][];
  return asRecord(group ?? []);
}

/** A process that is killed at the moment when Kafka has its first batch. */
export function dyingForwarder(options: Omit<KafkaForwarderOptions, "logger">): ChildProcess {
  const module = new URL("../../src/events/kafka-forwarder.ts", import.meta.url).href;
  const script = `const { subscribe } = await import("node:diagnostics_channel");
    const { startKafkaForwarder } = await import(${JSON.stringify(module)});
    subscribe("warehouse:kafka.produced", () => process.kill(process.pid, "SIGKILL"));
    const logger = { info() {}, warn() {}, error() {} };
    startKafkaForwarder({ ...${JSON.stringify(options)}, logger });`;
  return spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: "inherit" });
}
