const TEXT =
  /^(\d{4})\D?(\d{2})\D?(\d{2})(?:\D*(\d{2})\D?(\d{2})(?:\D?(\d{2})(?:\.(\d{1,3})\d*)?)?)?(Z|[+-]\d{2}:?\d{2})?$/i;

/** Year, month, day, hour, minute, second. */
type Clock = [number, number, number, number, number, number];

const formats = new Map<string, Intl.DateTimeFormat>();

/**
 * The moment that a carrier writes as a date, with or without a time, by the clock on its wall: `20261025`,
 * `20261025143000`, `2026-10-25 14:30`, `2026-10-25T14:30:00.5`. A text that names its offset is taken at its word. An
 * hour that happens twice is the first one, so that nothing seems to come from the future.
 */
export function instantOf(text: string, zone: string): Date | undefined {
  const [matched, year, month, day, hour = "0", minute = "0", second = "0", fraction = "0", offset] =
    TEXT.exec(text.trim()) ?? [];
  if (matched === undefined) return undefined;
  const parts = [year, month, day, hour, minute, second].map(Number) as Clock;
  const [y, m, ...rest] = parts;
  const wall = Date.UTC(y, m - 1, ...rest, Number(fraction.padEnd(3, "0")));
  if (!isSameDate(new Date(wall), parts)) return undefined;
  return new Date(wall - (offset ? namedOffset(offset) : wallOffset(wall, zone)));
}

/** What the calendar in a zone shows: `2026-10-25`. */
export function dateIn(zone: string, at: Date): string {
  return new Date(at.getTime() + offsetAt(at.getTime(), zone)).toISOString().slice(0, 10);
}

/** The 30th of February is no date, and 25 o'clock no time. */
function isSameDate(read: Date, [year, month, day, hour, minute, second]: Clock): boolean {
  return (
    read.getUTCFullYear() === year &&
    read.getUTCMonth() + 1 === month &&
    read.getUTCDate() === day &&
    read.getUTCHours() === hour &&
    read.getUTCMinutes() === minute &&
    read.getUTCSeconds() === second
  );
}

function namedOffset(offset: string): number {
  if (/^z$/i.test(offset)) return 0;
  const [, sign, hours, minutes] = /^([+-])(\d{2}):?(\d{2})$/.exec(offset) ?? [];
  return (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
}

/** The offset by which a clock on the wall showed it; the larger one is the earlier moment. */
function wallOffset(wall: number, zone: string): number {
  const day = 86_400_000;
  const around = [offsetAt(wall - day, zone), offsetAt(wall + day, zone)].sort((a, b) => b - a);
  return around.find((offset) => offsetAt(wall - offset, zone) === offset) ?? (around[0] as number);
}

function offsetAt(at: number, zone: string): number {
  const seconds = Math.floor(at / 1000) * 1000;
  const shown = Object.fromEntries(
    formatOf(zone)
      .formatToParts(seconds)
      .map(({ type, value }) => [type, Number(value)]),
  ) as Record<"year" | "month" | "day" | "hour" | "minute" | "second", number>;
  const wall = Date.UTC(shown.year, shown.month - 1, shown.day, shown.hour, shown.minute, shown.second);
  return wall - seconds;
}

function formatOf(timeZone: string): Intl.DateTimeFormat {
  const known = formats.get(timeZone);
  if (known) return known;
  const numeric = "numeric" as const;
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone,
    hourCycle: "h23",
    year: numeric,
    month: numeric,
    day: numeric,
    hour: numeric,
    minute: numeric,
    second: numeric,
  });
  formats.set(timeZone, format);
  return format;
}
