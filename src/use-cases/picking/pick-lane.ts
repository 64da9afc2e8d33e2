import type { Database } from "../../db/database.ts";
import { sqlState } from "../../db/out-of-reach.ts";
import { currentPatience, type Patience, waitingFor } from "../../db/patience.ts";
import type { PickAnswer } from "../../db/picking-views.ts";
import { DomainError } from "../../domain/errors.ts";
import { pickItems } from "./pick-items.ts";
import type { PickOutcome, PickRequest } from "./pick-request.ts";

const BATCH = 32;

interface Waiting {
  request: PickRequest;
  patience: Patience | undefined;
  resolve(answer: PickAnswer): void;
  reject(error: unknown): void;
}

/**
 * Picks that arrive while others are being written share the next transaction: 64 scanners cost one commit, and a lone
 * one waits for nobody. Each gets its own verdict, and its answer only after the commit.
 */
export class PickLane {
  readonly #db: Database;
  #queue: Waiting[] = [];
  #running = false;

  constructor(db: Database) {
    this.#db = db;
  }

  pick(request: PickRequest): Promise<PickAnswer> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ request, patience: currentPatience(), resolve, reject });
      if (this.#running) return;
      this.#running = true;
      // Calls of one and the same tick go together, and no call's end is the end of the others.
      queueMicrotask(() => void waitingFor(undefined, () => this.#run()));
    });
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0) await this.#serve(this.#queue.splice(0, BATCH).filter(stillWaits));
    this.#running = false;
  }

  /** Never rejects: whatever happens is told to those who wait. */
  async #serve(batch: readonly Waiting[]): Promise<void> {
    if (batch.length === 0) return;
    try {
      const outcomes = await pickItems(
        this.#db,
        batch.map(({ request }) => request),
        { wait: false },
      );
      batch.forEach((waiting, index) => this.#tell(waiting, outcomes[index] as PickOutcome));
    } catch (error) {
      if (batch.length === 1 || !isPoison(error)) for (const waiting of batch) waiting.reject(error);
      else for (const waiting of batch) await this.#serve([waiting]);
    }
  }

  #tell(waiting: Waiting, outcome: PickOutcome): void {
    if (outcome === "busy") void this.#alone(waiting);
    else if ("answer" in outcome) waiting.resolve(outcome.answer);
    else waiting.reject(outcome.refused);
  }

  /** Waits for a task that a longer transaction holds, beside the lane: nobody else is kept from picking meanwhile. */
  async #alone(waiting: Waiting): Promise<void> {
    try {
      const [outcome] = await waitingFor(waiting.patience, () => pickItems(this.#db, [waiting.request]));
      this.#tell(waiting, outcome as PickOutcome);
    } catch (error) {
      waiting.reject(error);
    }
  }
}

function stillWaits(waiting: Waiting): boolean {
  const signal = waiting.patience?.signal;
  if (signal?.aborted) waiting.reject(signal.reason);
  return !signal?.aborted;
}

/** What one pick's content may have caused, so that the others deserve a try of their own; not a database out of reach. */
function isPoison(error: unknown): boolean {
  if (error instanceof DomainError || error instanceof TypeError || error instanceof RangeError) return true;
  return /^(2[123]|40|42|55|P0|XX)...?$/.test(sqlState(error));
}
