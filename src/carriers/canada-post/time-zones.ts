/** What Canada Post writes as the time zone of an event. */
const OFFSETS: Readonly<Record<string, string>> = {
  NST: "-03:30",
  NDT: "-02:30",
  AST: "-04:00",
  ADT: "-03:00",
  EST: "-05:00",
  EDT: "-04:00",
  CST: "-06:00",
  CDT: "-05:00",
  MST: "-07:00",
  MDT: "-06:00",
  PST: "-08:00",
  PDT: "-07:00",
  UTC: "Z",
  GMT: "Z",
};

/** The offset that an abbreviation stands for; empty: it is none of them. */
export function offsetOf(abbreviation: string): string {
  return OFFSETS[abbreviation.trim().toUpperCase()] ?? "";
}
