/** One column of a list of rows, as an array parameter for `unnest`. */
export function column<Row, Key extends keyof Row>(
  rows: readonly Row[],
  key: Key,
): (NonNullable<Row[Key]> | null)[] {
  return rows.map((row) => row[key] ?? null);
}
