import { type Lead, settleOnDisk } from "./lead.ts";
import { type PublishedRow, putBack, readPublished, readRedriven, withoutEntries } from "./lost-entries.ts";
import { balanceBooks, confirmTail, lacksEntries, readBooks, type StreamState } from "./stream-books.ts";
import { isEarlier } from "./streams.ts";

/** Below the number of any batch. */
const BEFORE_ALL = -(2n ** 62n);

/** How many events were let out again, by stream. */
export type Lost = Map<string, number>;

/** A walk over published rows, in the order in which they were published. */
interface Search {
  cursor: bigint;
  until: bigint;
  states: StreamState[];
  /** Redis has lost the newest batches: until these are back in the queue, nothing newer may be published. */
  tail: boolean;
  /** The last batch that Redis had when this began. */
  kept: bigint | undefined;
  /** So many are missing; the walk ends when they are found. Undefined: it goes to the end. */
  expected: number | undefined;
  lost: Lost;
}

/**
 * Finds out what Redis has lost, and lets it be published again from the outbox. What a failover, a flush or a cut-off
 * log took is known by the last batch; what was trimmed or deleted, by the counts that each stream keeps of its entries.
 * Only when one of them is wrong are rows compared with entries, a page at a time.
 */
export class Reconciler {
  readonly #lead: Lead;
  #search: Search | undefined;

  constructor(lead: Lead) {
    this.#lead = lead;
  }

  /** Whether publishing has to wait. */
  get blocks(): boolean {
    return this.#search?.tail === true;
  }

  get searching(): boolean {
    return this.#search !== undefined;
  }

  /** Redis has nothing later than this batch; undefined: nothing at all. */
  async tailIsLost(batch: bigint | undefined): Promise<void> {
    const states = await readBooks(this.#lead);
    this.#search = {
      cursor: batch ?? BEFORE_ALL,
      until: this.#lead.batch,
      states,
      tail: true,
      kept: batch,
      expected: undefined,
      lost: new Map(),
    };
  }

  /** Compares the books with the streams, and begins a search where they differ. Says what was lost of redriven messages. */
  async check(): Promise<Lost> {
    if (this.#search) return new Map();
    const states = (await readBooks(this.#lead)).filter(lacksEntries);
    if (states.length > 0)
      this.#search = {
        cursor: BEFORE_ALL,
        until: this.#lead.batch,
        states,
        tail: false,
        kept: undefined,
        expected: countMissing(states),
        lost: new Map(),
      };
    const redriven = await readRedriven(this.#lead.client);
    return putBack(this.#lead, await withoutEntries(this.#lead, redriven));
  }

  /** One page of the search, if there is one. When it ends, says what was lost. */
  async step(): Promise<Lost | undefined> {
    const search = this.#search;
    if (!search) return undefined;
    const rows = await readPublished(this.#lead.client, search.cursor, search.until);
    const suspects = rows.filter((row) => isSuspect(row, search));
    const missing = await withoutEntries(
      this.#lead,
      suspects.filter((row) => row.entry_id !== null),
    );
    const unknown = suspects.filter((row) => row.entry_id === null);
    add(search.lost, await putBack(this.#lead, [...missing, ...unknown]));
    const last = rows.at(-1);
    if (last) search.cursor = BigInt(last.batch);
    if (last && total(search.lost) < (search.expected ?? Number.POSITIVE_INFINITY)) return undefined;
    return this.#finish(search);
  }

  async #finish(search: Search): Promise<Lost> {
    await settleOnDisk(this.#lead); // Redis must not be told that all is well before the database can't forget it
    // What is missing of older batches was not looked for with the tail: the books go on saying that it is.
    if (search.tail) await confirmTail(this.#lead, search.kept);
    else await balanceBooks(this.#lead, search.states);
    this.#search = undefined;
    return search.lost;
  }
}

/** Whether the row's entry should be there and may not be. Of rows without entry ids only the whole loss is certain. */
function isSuspect({ stream, entry_id }: PublishedRow, { states, tail }: Search): boolean {
  const state = states.find((one) => one.stream === stream);
  if (entry_id === null) return tail;
  if (!state) return tail;
  return state.floor === "" || !isEarlier(entry_id, state.floor);
}

/** How many entries are gone, when they are gone from streams that are else the same. */
function countMissing(states: readonly StreamState[]): number | undefined {
  const counts = states.map(({ added, bookedAdded, gone, bookedGone }) =>
    added < bookedAdded || gone < bookedGone ? Number.POSITIVE_INFINITY : gone - bookedGone,
  );
  const sum = counts.reduce((all, count) => all + count, 0);
  return Number.isFinite(sum) ? sum : undefined;
}

function add(sums: Lost, more: ReadonlyMap<string, number>): void {
  for (const [stream, count] of more) sums.set(stream, (sums.get(stream) ?? 0) + count);
}

function total(counts: Lost): number {
  return [...counts.values()].reduce((all, count) => all + count, 0);
}
