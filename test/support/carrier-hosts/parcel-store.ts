/** One scan, in the carrier's own codes. */
export interface HostScan {
  code: string;
  text: string;
  place: string;
  at: Date;
}

/** A parcel that a simulated carrier has sold a label for. */
export interface HostParcel<Details = unknown> {
  number: string;
  /** The customer's own, if it gave one. */
  reference: string;
  label: Buffer;
  state: "bought" | "voided";
  /** Its whole journey; of which so many scans have happened. */
  scans: HostScan[];
  happened: number;
  details: Details;
}

export interface NewParcel<Details> {
  number: string;
  reference: string;
  label: Buffer;
  scans: HostScan[];
  details: Details;
}

export interface ParcelStore<Details = unknown> {
  add(parcel: NewParcel<Details>): HostParcel<Details>;
  find(number: string): HostParcel<Details> | undefined;
  /** Every purchase under a reference: two mean that a label was paid twice. */
  under(reference: string): HostParcel<Details>[];
  all(): HostParcel<Details>[];
  /** Lets so many scans happen; default: all that are left. */
  advance(number: string, scans?: number): void;
  /** Another journey for a parcel, of which nothing has happened yet. */
  reroute(number: string, scans: HostScan[]): void;
  /** The scans that have happened, newest first, or as `disorder` says. */
  history(number: string): HostScan[];
  /** From now on histories are told in any order, each scan so many times. */
  disorder(options: { seed: number; repeat: number }): void;
}

export function createParcelStore<Details = unknown>(): ParcelStore<Details> {
  const parcels = new Map<string, HostParcel<Details>>();
  let disorder: { random: () => number; repeat: number } | undefined;
  const get = (number: string) => {
    const parcel = parcels.get(number);
    if (!parcel) throw new Error(`there is no parcel ${number}`);
    return parcel;
  };
  return {
    add(parcel) {
      const added = { ...parcel, state: "bought" as const, happened: 0 };
      parcels.set(parcel.number, added);
      return added;
    },
    find: (number) => parcels.get(number),
    under: (reference) => [...parcels.values()].filter((parcel) => parcel.reference === reference),
    all: () => [...parcels.values()],
    advance(number, scans = Number.POSITIVE_INFINITY) {
      const parcel = get(number);
      parcel.happened = Math.min(parcel.scans.length, parcel.happened + scans);
    },
    reroute(number, scans) {
      Object.assign(get(number), { scans, happened: 0 });
    },
    history(number) {
      const { scans, happened } = get(number);
      const past = scans.slice(0, happened).reverse();
      return disorder ? shuffled(past, disorder) : past;
    },
    disorder({ seed, repeat }) {
      disorder = { random: randomFrom(seed), repeat };
    },
  };
}

function shuffled<T>(list: readonly T[], { random, repeat }: { random: () => number; repeat: number }): T[] {
  return Array.from({ length: repeat }, () => list)
    .flat()
    .map((item) => ({ item, place: random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ item }) => item);
}

/** Numbers from 0 to 1 that follow from the seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
