import { describe, expect, it } from "vitest";
import { inLatin, serbianPhone, townKey } from "../../src/carriers/d-express/serbian.ts";

describe("Serbian", () => {
  it("is written in Latin letters, one alphabet by the other", () => {
    expect(inLatin("Љиљана Џокић, Ђорђе, Његош")).toBe("Ljiljana Džokić, Đorđe, Njegoš");
    expect(inLatin("Čačak 12/А, Ana")).toBe("Čačak 12/A, Ana");
    expect(inLatin("абвгдђежзијклљмнњопрстћуфхцчџш")).toBe("abvgdđežzijklljmnnjoprstćufhcčdžš");
  });

  it("has one name for a town, however it is written", () => {
    expect(new Set(["Čačak", "ЧАЧАК", "cacak", " Čačak "].map(townKey))).toEqual(new Set(["cacak"]));
    expect(new Set(["Ђурђево", "Đurđevo", "DJURDJEVO"].map(townKey))).toEqual(new Set(["djurdjevo"]));
    expect(townKey("Novi Sad")).not.toBe(townKey("Novi Pazar"));
  });

  it.each([
    ["064 123 45 67", "381641234567"],
    ["+381 21 123-4567", "381211234567"],
    ["00381641234567", "381641234567"],
    ["381 11 12345", undefined],
    ["0671234567", "381671234567"],
    ["+43 1 2345678", undefined],
    ["", undefined],
  ])("writes the telephone number %j as %j", (phone, expected) => {
    expect(serbianPhone(phone)).toBe(expected);
  });
});
