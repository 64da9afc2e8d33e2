import { DomainError, invalidField } from "./errors.ts";

export interface ShippableLine {
  order_item_id: bigint;
  listing_id: bigint;
  quantity: number;
  /** In no live shipment yet. */
  remaining: number;
}

/** What a caller wants in a shipment: units of an order line, or of whatever lines have the listing. */
export interface WantedUnits {
  field: string;
  order_item_id?: bigint | undefined;
  listing_id?: bigint | undefined;
  quantity: number;
}

export interface ShipmentUnits {
  order_item_id: bigint;
  listing_id: bigint;
  quantity: number;
}

/** The units that go into a shipment: those wanted, or all that are in no shipment yet. QUANTITY_EXCEEDED beyond these. */
export function chooseContents(
  lines: readonly ShippableLine[],
  wanted: readonly WantedUnits[],
): ShipmentUnits[] {
  const open = lines.map((line) => ({ ...line }));
  if (wanted.length === 0) {
    return open
      .filter((line) => line.remaining > 0)
      .map(({ remaining, ...line }) => ({ ...line, quantity: remaining }));
  }
  const taken = new Map<bigint, ShipmentUnits>();
  for (const want of wanted) {
    for (const { order_item_id, listing_id, quantity } of takeUnits(open, want)) {
      const sum = taken.get(order_item_id) ?? { order_item_id, listing_id, quantity: 0 };
      taken.set(order_item_id, { ...sum, quantity: sum.quantity + quantity });
    }
  }
  return [...taken.values()];
}

function takeUnits(lines: ShippableLine[], want: WantedUnits): ShipmentUnits[] {
  const fitting = lines.filter((line) => fits(line, want));
  const [first] = fitting;
  if (!first) throw invalidField(want.field, "is no line of what is to be shipped");
  const remaining = fitting.reduce((sum, line) => sum + line.remaining, 0);
  if (want.quantity > remaining) throw exceeded(first, want.quantity, remaining);
  let left = want.quantity;
  return fitting.flatMap((line) => {
    const quantity = Math.min(left, line.remaining);
    left -= quantity;
    line.remaining -= quantity;
    return quantity > 0 ? [{ order_item_id: line.order_item_id, listing_id: line.listing_id, quantity }] : [];
  });
}

function fits(line: ShippableLine, want: WantedUnits): boolean {
  if (want.order_item_id !== undefined && line.order_item_id !== want.order_item_id) return false;
  return want.listing_id === undefined || line.listing_id === want.listing_id;
}

function exceeded(line: ShippableLine, requested: number, remaining: number): DomainError {
  return new DomainError(
    "QUANTITY_EXCEEDED",
    `listing ${line.listing_id} has ${remaining} units that are in no shipment yet, not ${requested}`,
    { listing_id: line.listing_id, requested, remaining },
  );
}
