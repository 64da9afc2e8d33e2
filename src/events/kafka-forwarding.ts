import type { Redis } from "ioredis";
import { sql } from "kysely";
import type { Database } from "../db/database.ts";
import { EVENTS } from "../domain/events.ts";
import { failpoint } from "../failpoint.ts";
import type { KafkaTarget } from "../kafka-settings.ts";
import { acknowledge, type GroupReader, type RawEntry, readEntries, toEntry } from "./consumer-group.ts";
import type { KafkaOutage } from "./kafka-outage.ts";
import { KafkaProducer } from "./kafka-producer.ts";
import type { Pause } from "./pause.ts";

const FORWARDED = "tracking.updated";
/** One name for whoever forwards: what one left pending is the next one's own. */
export const KAFKA_READER: GroupReader = {
  stream: EVENTS[FORWARDED].stream,
  group: "wms-kafka",
  name: "forwarder",
};

const POLL_MS = 250;
const KEEP_LOCK_MS = 10_000;
const RETRY_MS = 500;
const MAX_RETRY_MS = 5_000;

interface Ends {
  redis: Redis;
  /** The session that holds the lock. */
  session: Database;
  target: KafkaTarget;
}

/** What the one that forwards does, until it is told to stop or Redis or the lock is lost. */
export class KafkaForwarding {
  readonly #ends: Ends;
  readonly #outage: KafkaOutage;
  readonly #pause: Pause;
  #producer: KafkaProducer | undefined;
  #lockSeenAt = 0;

  constructor(ends: Ends, outage: KafkaOutage, pause: Pause) {
    this.#ends = ends;
    this.#outage = outage;
    this.#pause = pause;
  }

  /** Ends with the pause, when what was on the stream before is forwarded, unless Kafka is away. */
  async run(): Promise<void> {
    try {
      if (!(await this.#withKafka((producer) => producer.probe()))) return;
      for (;;) {
        const last = this.#pause.stopped;
        const moved = await this.#round();
        if (moved === "given up" || (last && moved === 0)) return;
        if (moved === 0) await this.#pause.for(POLL_MS);
      }
    } finally {
      this.#producer?.close();
    }
  }

  /**
   * Says how many entries are done with. Taking what is new only makes it pending; what is pending is sent, oldest first,
   * so that what another took at the moment when he lost the lock goes out before what came after it.
   */
  async #round(): Promise<number | "given up"> {
    const { redis } = this.#ends;
    await readEntries(redis, KAFKA_READER, ">");
    const pending = await readEntries(redis, KAFKA_READER, "0");
    if (pending.length > 0 || Date.now() - this.#lockSeenAt > KEEP_LOCK_MS) await this.#checkLock();
    if (pending.length === 0) return 0;
    if (!(await this.#forward(pending))) return "given up";
    const ids = pending.map(([id]) => id);
    await acknowledge(redis, KAFKA_READER, ids);
    return ids.length;
  }

  async #forward(pending: readonly RawEntry[]): Promise<boolean> {
    const entries = pending.flatMap(toEntry).filter(({ fields }) => fields["type"] === FORWARDED);
    if (entries.length === 0) return true;
    if (!(await this.#withKafka((producer) => producer.send(entries)))) return false;
    failpoint("kafka.produced");
    return true;
  }

  /** The lock is its session's: one that answers has it still. */
  async #checkLock(): Promise<void> {
    await sql`select 1`.execute(this.#ends.session);
    this.#lockSeenAt = Date.now();
  }

  /** As often as it takes; false: it was told to stop, and Kafka is away. */
  async #withKafka(work: (producer: KafkaProducer) => Promise<void>): Promise<boolean> {
    for (let wait = RETRY_MS; ; wait = Math.min(2 * wait, MAX_RETRY_MS)) {
      const problem = await this.#attempt(work);
      if (!problem) {
        await this.#outage.answered(this.#ends.session);
        return true;
      }
      await this.#outage.failed(this.#ends.session, problem);
      if (this.#pause.stopped) return false;
      await this.#pause.for(wait);
      await this.#checkLock();
    }
  }

  async #attempt(work: (producer: KafkaProducer) => Promise<void>): Promise<Error | undefined> {
    this.#producer ??= new KafkaProducer(this.#ends.target);
    try {
      await work(this.#producer);
      return undefined;
    } catch (error) {
      this.#producer.close();
      this.#producer = undefined;
      return error instanceof Error ? error : new Error(String(error));
    }
  }
}
