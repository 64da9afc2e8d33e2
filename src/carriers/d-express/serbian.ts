const LATIN: Readonly<Record<string, string>> = {
  а: "a",
  б: "b",
  в: "v",
  г: "g",
  д: "d",
  ђ: "đ",
  е: "e",
  ж: "ž",
  з: "z",
  и: "i",
  ј: "j",
  к: "k",
  л: "l",
  љ: "lj",
  м: "m",
  н: "n",
  њ: "nj",
  о: "o",
  п: "p",
  р: "r",
  с: "s",
  т: "t",
  ћ: "ć",
  у: "u",
  ф: "f",
  х: "h",
  ц: "c",
  ч: "č",
  џ: "dž",
  ш: "š",
};

/** D Express takes Serbian in Latin letters only; the two alphabets correspond letter by letter. */
export function inLatin(text: string): string {
  return Array.from(text, (letter) => {
    const small = letter.toLowerCase();
    const latin = LATIN[small];
    if (latin === undefined) return letter;
    return letter === small ? latin : latin.charAt(0).toUpperCase() + latin.slice(1);
  }).join("");
}

/** For comparing names of towns: `Čačak`, `ЧАЧАК` and `Cacak` are one. */
export function townKey(name: string): string {
  return inLatin(name)
    .toLowerCase()
    .replaceAll("đ", "dj")
    .normalize("NFD")
    .replace(/[^a-z0-9]/g, "");
}

/** `381641234567`; undefined for what is no Serbian number. */
export function serbianPhone(phone: string): string | undefined {
  const digits = phone.replace(/\D/g, "").replace(/^00/, "");
  const full = digits.replace(/^(3810|0)/, "381"); // +381 (0)64 … as well
  return /^(381[1-9]\d{7,8}|38167\d{6,8})$/.test(full) ? full : undefined;
}
