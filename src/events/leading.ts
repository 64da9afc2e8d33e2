import { failpoint } from "../failpoint.ts";
import { claimRedis, type Lead } from "./lead.ts";
import type { Pause } from "./pause.ts";
import { publish, READ, readUnpublished } from "./publish-batch.ts";
import { type Lost, Reconciler } from "./reconciler.ts";
import type { RelayAlerts } from "./relay-alerts.ts";
import { trimStreams } from "./trim-streams.ts";

const POLL_MS = 100;
/** How often Redis is asked whether it still has the last batch, while nothing new goes there. */
const ASK_EVERY_MS = 1_000;
const TEND_EVERY_MS = 15_000;
/** A stream is never longer than this, whoever has not read it: some hundred megabytes. */
const MAX_LENGTH = 1_000_000;

export interface LeadingOptions {
  /** How often an idle relay looks for new events. */
  pollMs?: number;
  /** How often the streams are compared with the books, and trimmed. */
  tendEveryMs?: number;
  maxLength?: number;
}

export interface RelayProgress {
  leader: boolean;
  /** Events that this process has added to streams, those that Redis had lost counted again. */
  published: number;
  /** Events that Redis had lost. */
  lost: number;
  lastProgressAt: Date;
}

/** What the leader does, until it is told to stop or something fails. */
export class Leading {
  readonly #lead: Lead;
  readonly #reconciler: Reconciler;
  readonly #options: LeadingOptions;
  readonly #state: RelayProgress;
  readonly #alerts: RelayAlerts;
  #askAt = 0;
  #tendAt = Date.now();

  constructor(lead: Lead, options: LeadingOptions, state: RelayProgress, alerts: RelayAlerts) {
    this.#lead = lead;
    this.#reconciler = new Reconciler(lead);
    this.#options = options;
    this.#state = state;
    this.#alerts = alerts;
  }

  /** Ends with the pause, when what was committed before is published. */
  async run(pause: Pause): Promise<void> {
    for (;;) {
      const last = pause.stopped;
      const more = await this.#round();
      this.#state.lastProgressAt = new Date();
      if (last && (!more || this.#reconciler.blocks)) return;
      if (!more) await pause.for(this.#options.pollMs ?? POLL_MS);
    }
  }

  /** True: there is more to do at once. */
  async #round(): Promise<boolean> {
    const searching = await this.#search();
    if (this.#reconciler.blocks) return true;
    const read = await this.#publish();
    if (read === 0) await this.#ask();
    if (!searching) await this.#tend();
    return read === READ || searching || this.#reconciler.blocks;
  }

  /** Says how many events were waiting. */
  async #publish(): Promise<number> {
    const rows = await readUnpublished(this.#lead.client);
    if (rows.length === 0) return 0;
    failpoint("relay.read");
    const published = await publish(this.#lead, rows);
    if (published === "behind") await this.#compareTails();
    else this.#state.published += published;
    return rows.length;
  }

  async #ask(): Promise<void> {
    if (Date.now() < this.#askAt) return;
    this.#askAt = Date.now() + ASK_EVERY_MS;
    await this.#compareTails();
  }

  /** Redis may be ahead, when a batch was not marked any more: its rows go out again, in a later one. */
  async #compareTails(): Promise<void> {
    const batch = await claimRedis(this.#lead);
    if ((batch ?? 0n) >= this.#lead.batch) this.#lead.batch = batch ?? 0n;
    else await this.#reconciler.tailIsLost(batch);
  }

  /** One step of a search for lost events; true: it goes on. */
  async #search(): Promise<boolean> {
    if (!this.#reconciler.searching) return false;
    const lost = await this.#reconciler.step();
    if (lost) await this.#report(lost);
    return lost === undefined;
  }

  async #tend(): Promise<void> {
    if (Date.now() < this.#tendAt) return;
    this.#tendAt = Date.now() + (this.#options.tendEveryMs ?? TEND_EVERY_MS);
    await this.#report(await this.#reconciler.check());
    if (this.#reconciler.searching) return; // what it finds missing must not have been trimmed by ourselves
    const maxLength = this.#options.maxLength ?? MAX_LENGTH;
    await this.#alerts.trimmed(await trimStreams(this.#lead, maxLength), maxLength);
  }

  async #report(lost: Lost): Promise<void> {
    this.#state.lost += await this.#alerts.lost(lost);
  }
}
