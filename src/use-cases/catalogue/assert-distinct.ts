import { invalidField } from "../../domain/errors.ts";

/** One request says one thing of each entry. */
export function assertDistinct(list: string, field: string, keys: readonly (string | bigint)[]): void {
  const seen = new Map<string | bigint, number>();
  keys.forEach((key, index) => {
    const first = seen.get(key);
    if (first !== undefined)
      throw invalidField(`${list}[${index}].${field}`, `${key} stands at ${list}[${first}] already`);
    seen.set(key, index);
  });
}
