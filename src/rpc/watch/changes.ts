import type { Database } from "../../db/database.ts";
import { readMissed, type Watched } from "../../db/outbox-tail.ts";
import { type Mailbox, MOST_WAITING, type Noted } from "./mailbox.ts";
import type { OutboxTail } from "./tail.ts";

/** So often a watcher hears that the stream is alive when nothing else is to be told. */
const ALIVE_MS = 10_000;

export interface Watch {
  watched: Watched;
  /** Where an earlier watch ended. */
  after: bigint | undefined;
  signal: AbortSignal;
  aliveMs?: number | undefined;
}

/** What is to be told: that all must be told anew, what has changed, or that nothing has. */
export type News =
  | { kind: "present"; position: bigint }
  | { kind: "changes"; changes: Noted[] }
  | { kind: "nothing"; position: bigint };

/**
 * First what one lacks who knows all up to a position, then what comes, until nobody wants it. Whatever becomes visible
 * while the first is read comes again: what is read and what is told overlap, and never leave a gap.
 */
export async function* follow(
  { db, tail }: { db: Database; tail: OutboxTail },
  { watched, after, signal, aliveMs = ALIVE_MS }: Watch,
): AsyncGenerator<News> {
  const mailbox = await tail.join(watched);
  try {
    yield await begin(db, mailbox, { watched, after });
    while (!signal.aborted) {
      const taken = await mailbox.take(aliveMs, signal);
      if (taken === "too much") yield { kind: "present", position: mailbox.settled };
      else if (taken.length > 0) yield { kind: "changes", changes: taken };
      else yield { kind: "nothing", position: mailbox.settled };
    }
  } finally {
    tail.leave(mailbox);
  }
}

async function begin(
  db: Database,
  mailbox: Mailbox,
  { watched, after }: Pick<Watch, "watched" | "after">,
): Promise<News> {
  const { settled } = mailbox;
  const missed =
    after === undefined ? undefined : await readMissed(db, watched, { after, limit: MOST_WAITING });
  if (!missed) return { kind: "present", position: settled };
  const changes = missed.map((event) => ({ event, position: lesser(event.position, settled) }));
  return changes.length > 0 ? { kind: "changes", changes } : { kind: "nothing", position: settled };
}

function lesser(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
