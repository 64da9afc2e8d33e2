import { PackagingType } from "../../gen/wms/v1/packing_pb.js";
import { Priority } from "../../gen/wms/v1/priority_pb.js";
import { invalidField } from "../domain/errors.ts";
import type * as words from "../domain/vocabulary.ts";

const PRIORITIES = {
  low: Priority.LOW,
  normal: Priority.NORMAL,
  high: Priority.HIGH,
  urgent: Priority.URGENT,
} satisfies Record<words.Priority, Priority>;

const PACKAGING_TYPES = {
  box: PackagingType.BOX,
  bag: PackagingType.BAG,
  envelope: PackagingType.ENVELOPE,
  pallet: PackagingType.PALLET,
  custom: PackagingType.CUSTOM,
} satisfies Record<words.PackagingType, PackagingType>;

/** Our word for an enum value; UNSPECIFIED and unknown values are refused. */
export function parseWord<Word extends string>(
  table: Record<Word, number>,
  field: string,
  value: number,
): Word {
  const found = (Object.keys(table) as Word[]).find((word) => table[word] === value);
  if (found === undefined) throw invalidField(field, `${value} is no known value`);
  return found;
}

/** Left out: normal. */
export function parsePriority(field: string, value: Priority): words.Priority {
  return value === Priority.UNSPECIFIED ? "normal" : parseWord(PRIORITIES, field, value);
}

/** Of a filter: left out, it filters nothing. */
export function optionalPriority(field: string, value: Priority | undefined): words.Priority | undefined {
  return value === undefined || value === Priority.UNSPECIFIED
    ? undefined
    : parseWord(PRIORITIES, field, value);
}

export function priorityMessage(priority: words.Priority): Priority {
  return PRIORITIES[priority];
}

/** Left out: a box. */
export function parsePackagingType(field: string, value: PackagingType): words.PackagingType {
  return value === PackagingType.UNSPECIFIED ? "box" : parseWord(PACKAGING_TYPES, field, value);
}

export function packagingTypeMessage(type: words.PackagingType | null): PackagingType {
  return type === null ? PackagingType.UNSPECIFIED : PACKAGING_TYPES[type];
}
