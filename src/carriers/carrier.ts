import type { Address } from "../domain/address.ts";
import type { LabelFormat, TrackingStatus } from "../domain/vocabulary.ts";

/** A box that needs a label. Weight kg, lengths cm. */
export interface LabelPackage {
  /** 1, 2, 3, … within the request. */
  sequence_number: number;
  weight: number;
  length: number;
  width: number;
  height: number;
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
}

export interface BoughtLabel {
  sequence_number: number;
  tracking_number: string;
  format: LabelFormat;
  data: Uint8Array;
}

export interface LabelPurchase {
  /** One for each box of the request. */
  labels: readonly BoughtLabel[];
  /** YYYY-MM-DD, when the carrier promises one. */
  estimated_delivery_date?: string;
}

export interface LabelToVoid {
  reference: string;
  /** Empty: it is not known whether anything was bought under the reference. */
  tracking_numbers: readonly string[];
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
}

/** What a carrier refuses for good: trying again gives the same answer. Every other error is tried again. */
export class CarrierRefusal extends Error {
  constructor(message: string) {
    super(message);
    this.name = "CarrierRefusal";
  }
}

/** The port that every carrier implements. Nothing here is called inside a transaction. */
export interface Carrier {
  readonly code: string;
  readonly name: string;
  /** How many numbers `track` takes at once. */
  readonly trackingBatchSize: number;
  createLabel(request: LabelRequest): Promise<LabelPurchase>;
  /** For carriers whose `createLabel` is not safe to repeat: what was bought under this reference, if anything. */
  findByReference?(request: LabelRequest): Promise<LabelPurchase | undefined>;
  /** Safe to repeat, also when nothing was bought. Missing: the carrier's labels cost nothing until they are scanned. */
  voidLabel?(label: LabelToVoid): Promise<void>;
  /** Everything the carrier knows about these parcels, in any order; what it knows nothing of is left out. */
  track(parcels: readonly TrackedParcel[]): Promise<CarrierFact[]>;
}

/** The carriers that this process can reach, by code. */
export type Carriers = ReadonlyMap<string, Carrier>;
