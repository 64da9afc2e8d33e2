/**
 * Tells of something that may happen a thousand times a second: of each subject the first time at once, then at most so
 * often, with how many times it was since.
 */
export function occasionally<Detail>(
  every_ms: number,
  tell: (subject: string, times: number, last: Detail) => void,
) {
  const told = new Map<string, { at: number; times: number }>();
  return (subject: string, detail: Detail): void => {
    const { at, times } = told.get(subject) ?? { at: Number.NEGATIVE_INFINITY, times: 0 };
    const now = performance.now();
    if (now - at < every_ms) {
      told.set(subject, { at, times: times + 1 });
      return;
    }
    told.set(subject, { at: now, times: 0 });
    tell(subject, times + 1, detail);
  };
}
