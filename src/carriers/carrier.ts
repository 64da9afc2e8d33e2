import type { Address } from "../domain/address.ts";
import type { LabelContent } from "../domain/label.ts";
import type { LabelFormat, TrackingStatus } from "../domain/vocabulary.ts";

/** A box that needs a label. Weight kg, lengths cm. */
export interface LabelPackage {
  /** 1, 2, 3, … within the request. */
  sequence_number: number;
  weight: number;
  length: number;
  width: number;
  height: number;
  /** Its number in the supply chain, for labels that we draw; left out: it has none. */
  sscc?: string;
}

/** What is in the boxes: for customs, and for carriers that ask. */
export interface LabelGoods {
  sku: string;
  name: string;
  quantity: number;
  /** kg of one unit; null: not known. */
  weight: number | null;
}

export interface LabelRequest {
  /** Ours, and the same whenever the purchase is tried again: a carrier that knows it gives the first answer. */
  reference: string;
  /** The carrier's own name of the service; empty: its default. */
  service: string;
  order_number: string;
  from: Address;
  to: Address;
  packages: readonly LabelPackage[];
  goods: readonly LabelGoods[];
}

export interface BoughtLabel {
  sequence_number: number;
  tracking_number: string;
  format: LabelFormat;
  /** The carrier's bytes, unchanged. */
  data: Uint8Array;
  /** Of a label that we drew: what stands on it, so that it can be drawn in other formats. Left out: the carrier drew it. */
  content?: LabelContent;
}

export interface LabelPurchase {
  /** One for each box of the request. */
  labels: readonly BoughtLabel[];
  /** What the carrier needs to void it, when that is not the tracking number; in the carrier's own form. */
  carrier_reference?: string;
  /** YYYY-MM-DD, when the carrier promises one. */
  estimated_delivery_date?: string;
}

export interface LabelToVoid {
  reference: string;
  /** Empty: it is not known whether anything was bought under the reference. */
  tracking_numbers: readonly string[];
  carrier_reference?: string | undefined;
  /** What was asked for, as it stands now: some carriers want to be told all of it again. */
  request?: () => Promise<LabelRequest>;
}

export interface Quote {
  service: string;
  /** In units of the currency, as the carrier writes it: "12.40". */
  amount: string;
  /** ISO 4217. */
  currency: string;
  days: number | null;
}

export interface TrackedParcel {
  tracking_number: string;
  /** null: as far as we know, it is still here. */
  shipped_at: Date | null;
}

/** One thing that a carrier states about one parcel. */
export interface CarrierFact {
  carrier_code: string;
  tracking_number: string;
  status: TrackingStatus;
  /** The carrier's own code and text, kept beside what we make of them. */
  raw_code: string;
  description: string;
  location: string;
  occurred_at: Date;
  /** Set when no status map knows the code: it is `unknown`, or a guess, and somebody should say what it means. */
  unmapped?: true;
}

/** What a carrier's host sent us, as it came: signatures are over the raw bytes. */
export interface WebhookDelivery {
  method: string;
  /** With its query. */
  path: string;
  /** Names in lower case. */
  headers: Readonly<Record<string, string>>;
  body: Uint8Array;
  received_at: Date;
}

export interface WebhookContent {
  /** The carrier's own id of this delivery; left out: it has none, and the same bytes are the same delivery. */
  delivery_id?: string;
  facts: readonly CarrierFact[];
}

/** What one can expect of a carrier; `README.md` shows it as a table. */
export interface CarrierCapabilities {
  /** What it gives; empty: it expects us to draw the label. */
  labelFormats: readonly LabelFormat[];
  /**
   * Whether a purchase may be sent again when its answer was lost. `idempotent`: it gives the first one;
   * `lookup`: after `findByReference` found nothing; `never`: somebody has to look.
   */
  repeat: "idempotent" | "lookup" | "never";
  /** With `lookup`: for so many seconds after a call, what it bought may be missing from a look-up. Default: 60. */
  settleSeconds?: number;
  /** With `idempotent`: for so many hours the carrier knows a reference; afterwards somebody has to look. Default: for ever. */
  remembersHours?: number;
  voidsLabels: boolean;
  /** Set when a label needs no address of ours: the carrier is simulated, or looks the customer up elsewhere. */
  takesAnyAddress?: true;
  /** How we learn where parcels are. */
  tracking: "poll" | "push" | "both" | "none";
  /** How many numbers `track` takes at once. */
  trackingBatchSize: number;
  /** It must not be asked about the same parcel more often. */
  minPollSeconds: number;
  /** The carrier's own limit on calls; null: none is known. */
  rateLimit: { calls: number; seconds: number } | null;
  /** When the day is closed without being told to, such as 16:30 by the clocks of Europe/Athens. */
  closesDayAt?: { time: string; zone: string };
}

export interface DayToClose {
  /** YYYY-MM-DD, by the carrier's calendar; left out: today. */
  day?: string | undefined;
  /** Labels that were made and never printed stand in the way. True: print them first, false: refuse, and name them. */
  print?: boolean | undefined;
}

export interface ClosedDay {
  day: string;
  /** The carrier's number of the list that is closed; null: there was nothing to put on one. */
  list_number: string | null;
  /** The list itself, as PDF, for whoever fetches the parcels; left out: there is none, or it could not be had. */
  list?: Uint8Array;
  /** Of labels that had to be printed first: maybe nobody has them. */
  printed: readonly string[];
}

/** What a carrier refuses for good: trying again gives the same answer. */
export class CarrierRefusal extends Error {
  /** The carrier's own code. */
  readonly code: string;

  constructor(message: string, code = "") {
    super(message);
    this.name = "CarrierRefusal";
    this.code = code;
  }
}

/** Surely nothing was done: it may be tried again, after a while. */
export class CarrierUnavailable extends Error {
  /** As the carrier asks for; null: it doesn't say. */
  readonly retryAfterSeconds: number | null;

  constructor(message: string, retryAfterSeconds: number | null = null, options?: ErrorOptions) {
    super(message, options);
    this.name = "CarrierUnavailable";
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** The answer was lost or means nothing: it may have been done, so look before trying again. */
export class CarrierUncertain extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "CarrierUncertain";
  }
}

/** A delivery that did not come from the carrier, or not now: forged, altered, stale or from the future. */
export class WebhookRejected extends Error {
  constructor(message: string) {
    super(message);
    this.name = "WebhookRejected";
  }
}

/** The port that every carrier implements. Nothing here is called inside a transaction. */
export interface Carrier {
  readonly code: string;
  readonly name: string;
  readonly capabilities: CarrierCapabilities;
  quote?(request: LabelRequest): Promise<readonly Quote[]>;
  /** Throws CarrierRefusal, CarrierUnavailable or CarrierUncertain. */
  createLabel(request: LabelRequest): Promise<LabelPurchase>;
  /**
   * What was bought under this reference, if anything; with `repeat: "lookup"`. Labels of some of the boxes only: the
   * others are then bought by `createLabel`, with a request for just those.
   */
  findByReference?(request: LabelRequest): Promise<LabelPurchase | undefined>;
  /** Safe to repeat, also when nothing was bought. Missing: the carrier's labels cost nothing until they are scanned. */
  voidLabel?(label: LabelToVoid): Promise<void>;
  /** Everything the carrier knows about these parcels, in any order; what it knows nothing of is left out. */
  track?(parcels: readonly TrackedParcel[]): Promise<CarrierFact[]>;
  /** For carriers that fetch only what is on a day's closed list. Safe to repeat: what was made since gets another list. */
  closeDay?(day: DayToClose): Promise<ClosedDay>;
  /** Checks and reads what the carrier's host sent. Throws WebhookRejected. */
  parseWebhook?(delivery: WebhookDelivery): WebhookContent;
}

/** The carriers that this process can reach, by code. */
export type Carriers = ReadonlyMap<string, Carrier>;
