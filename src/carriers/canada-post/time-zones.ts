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

const ZONES: Readonly<Record<string, string>> = {
  NL: "America/St_Johns",
  NS: "America/Halifax",
  NB: "America/Halifax",
  PE: "America/Halifax",
  QC: "America/Toronto",
  ON: "America/Toronto",
  NU: "America/Iqaluit",
  MB: "America/Winnipeg",
  SK: "America/Regina",
  AB: "America/Edmonton",
  NT: "America/Edmonton",
  BC: "America/Vancouver",
  YT: "America/Whitehorse",
};

/** The offset that an abbreviation stands for; empty: it is none of them, as abroad. */
export function offsetOf(abbreviation: string): string {
  return OFFSETS[abbreviation.trim().toUpperCase()] ?? "";
}

/** By which the clocks of a province go, when an event names no zone; abroad we don't know. */
export function zoneOf(province: string): string {
  return ZONES[province.trim().toUpperCase()] ?? "UTC";
}
