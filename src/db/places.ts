import { DomainError } from "../domain/errors.ts";
import type { LocationKind } from "../domain/vocabulary.ts";
import type { Transaction } from "./transaction.ts";

export interface Place {
  id: bigint;
  warehouse_id: bigint;
  code: string;
  kind: LocationKind;
}

/** The place that goods are to be put to. */
export async function findPlace(trx: Transaction, id: bigint): Promise<Place> {
  const place = await trx
    .selectFrom("locations")
    .select(["id", "warehouse_id", "code", "kind"])
    .where("id", "=", id)
    .executeTakeFirst();
  if (!place) throw new DomainError("LOCATION_NOT_FOUND", `no location ${id}`, { location_id: id });
  return place;
}
