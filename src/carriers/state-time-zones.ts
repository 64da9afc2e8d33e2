/** By which the clocks of a state or province go; of two zones, the one in which most of its people live. */
const ZONES: Readonly<Record<"US" | "CA", Readonly<Record<string, string>>>> = {
  US: {
    "America/New_York": "CT DC DE FL GA IN KY MA MD ME MI NC NH NJ NY OH PA RI SC VA VT WV",
    "America/Chicago": "AL AR IA IL KS LA MN MO MS ND NE OK SD TN TX WI",
    "America/Denver": "CO ID MT NM UT WY",
    "America/Phoenix": "AZ",
    "America/Los_Angeles": "CA NV OR WA",
    "America/Anchorage": "AK",
    "Pacific/Honolulu": "HI",
    "America/Puerto_Rico": "PR VI",
    "Pacific/Guam": "GU MP",
    "Pacific/Pago_Pago": "AS",
  },
  CA: {
    "America/St_Johns": "NL",
    "America/Halifax": "NB NS PE",
    "America/Toronto": "ON QC PQ",
    "America/Iqaluit": "NU",
    "America/Winnipeg": "MB",
    "America/Regina": "SK",
    "America/Edmonton": "AB NT",
    "America/Vancouver": "BC",
    "America/Whitehorse": "YT",
  },
};

const COUNTRIES: Readonly<Record<string, "US" | "CA">> = {
  US: "US",
  USA: "US",
  "UNITED STATES": "US",
  CA: "CA",
  CANADA: "CA",
};

const zones = new Map(
  Object.entries(ZONES).flatMap(([country, states]) =>
    Object.entries(states).flatMap(([zone, codes]) =>
      codes.split(" ").map((code) => [`${country} ${code}`, zone] as const),
    ),
  ),
);

/** For carriers that write the time on the wall and don't say of which zone. Elsewhere we don't know: UTC. */
export function zoneOfState(country: string | null | undefined, state: string | null | undefined): string {
  const known = COUNTRIES[country?.trim().toUpperCase() ?? ""];
  return zones.get(`${known} ${state?.trim().toUpperCase()}`) ?? "UTC";
}
