/** What happens to the warehouse on a day: orders, and what their customers take back. */
export interface Day {
  orders: DayOrder[];
  cancellations: DayCancellation[];
  /** What could not be read of the input, in words. */
  complaints: string[];
}

export interface DayOrder {
  order_number: string;
  country: string;
  items: { sku: string; quantity: number }[];
}

export interface DayCancellation {
  order_number: string;
  /** Empty: the whole order. */
  items: { sku: string; quantity: number }[];
}

/** A SKU is one thing however its letters are written. */
export function skuKey(sku: string): string {
  return sku.trim().toUpperCase();
}
