/** `73`, `12a`, `34/4`, `5-7`, `10/II/3`: begins with a digit. `bb`: without a number, as Serbia writes it. */
const NUMBER = /^(\d[\p{L}\d/-]*|b\.?b\.?(\/[\p{L}\d]+)*)$/iu;

export interface StreetAndNumber {
  street: string;
  /** Empty: none is given. */
  number: string;
}

/** For carriers that want the house number by itself: the last word, else the first, that looks like one. */
export function splitHouseNumber(line: string): StreetAndNumber {
  const words = line.replaceAll(",", " ").trim().split(/\s+/);
  const last = words.at(-1) ?? "";
  if (words.length > 1 && NUMBER.test(last)) return { street: words.slice(0, -1).join(" "), number: last };
  const [first = ""] = words;
  if (words.length > 1 && NUMBER.test(first)) return { street: words.slice(1).join(" "), number: first };
  return { street: words.join(" "), number: "" };
}
