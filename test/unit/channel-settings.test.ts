import { describe, expect, it } from "vitest";
import { readConfig } from "../../src/config.ts";
import { readChannels } from "../../src/start/channels.ts";

function refusal(settings: unknown): string {
  try {
    readChannels(
      readConfig({ CHANNELS: typeof settings === "string" ? settings : JSON.stringify(settings) }),
    );
    return "";
  } catch (error) {
    return (error as Error).message;
  }
}

describe("CHANNELS", () => {
  it("names the marketplaces of this installation", () => {
    const settings = { best_buy: { apiKey: "k3y-of-mine" } };
    expect(readChannels(readConfig({})).map(({ code }) => code)).toEqual([]);
    const config = readConfig({ CHANNELS: JSON.stringify(settings) });
    expect(readChannels(config).map(({ code }) => code)).toEqual(["best_buy"]);
  });

  it.each<[unknown, RegExp]>([
    ["{", /^CHANNELS: must be JSON such as \{"best_buy"/],
    [{ ebay: {} }, /^CHANNELS: there is no channel "ebay"; known is best_buy$/],
    [{ best_buy: {} }, /^CHANNELS: best_buy.apiKey: /],
    [{ best_buy: { apiKey: "k3y-of-mine", pollSeconds: 30 } }, /^CHANNELS: best_buy.pollSeconds: /],
    [
      { best_buy: { apiKey: "k3y-of-mine", baseUrl: "ftp://x" } },
      /^CHANNELS: best_buy.baseUrl: must be a URL/,
    ],
    [{ best_buy: { apiKey: "k3y-of-mine", shop: 1 } }, /^CHANNELS: best_buy: .*shop/],
    [{ best_buy: { apiKey: ["k3y-of-mine"] } }, /^CHANNELS: best_buy.apiKey: /],
  ])("stops the start with one line that names what is wrong (%o)", (settings, message) => {
    expect(refusal(settings)).toMatch(message);
    expect(refusal(settings)).not.toMatch(/k3y-of-mine|\n/);
  });
});
