import type { z } from "zod";
import { createAcsCarrier } from "./acs/acs.ts";
import { acsSettingsSchema } from "./acs/settings.ts";
import { createBexCarrier } from "./bex/bex.ts";
import { bexSettingsSchema } from "./bex/settings.ts";
import { createCanadaPostCarrier } from "./canada-post/canada-post-carrier.ts";
import { canadaPostSettingsSchema } from "./canada-post/settings.ts";
import type { Carrier } from "./carrier.ts";
import { createCjCarrier } from "./cj/cj.ts";
import { cjSettingsSchema } from "./cj/settings.ts";
import { createDExpressCarrier } from "./d-express/d-express.ts";
import { dExpressSettingsSchema } from "./d-express/settings.ts";
import { createDeliveryServiceCarrier } from "./delivery-service/delivery-service.ts";
import { deliveryServiceSettingsSchema } from "./delivery-service/settings.ts";
import { createFedexCarrier } from "./fedex/fedex-carrier.ts";
import { fedexSettingsSchema } from "./fedex/settings.ts";
import { createLotteCarrier } from "./lotte/lotte.ts";
import { lotteSettingsSchema } from "./lotte/settings.ts";
import { createPostExpressCarrier } from "./post-express/post-express.ts";
import { postExpressSettingsSchema } from "./post-express/settings.ts";
import type { CarrierTools } from "./tools.ts";
import { upsSettingsSchema } from "./ups/settings.ts";
import { createUpsCarrier } from "./ups/ups-carrier.ts";
import { uspsSettingsSchema } from "./usps/settings.ts";
import { createUspsCarrier } from "./usps/usps-carrier.ts";
import { yunExpressSettingsSchema } from "./yun-express/settings.ts";
import { createYunExpressCarrier } from "./yun-express/yun-express.ts";

/** Makes a carrier of settings that were checked. */
type Builder = (tools: CarrierTools) => Carrier;

interface KnownCarrier {
  code: string;
  /** The settings as they were given, checked; or what is wrong with them. */
  read(given: unknown): { build: Builder } | { issue: z.core.$ZodIssue };
}

/** Every carrier that an installation may configure, a line each. */
const KNOWN: readonly KnownCarrier[] = [
  known("acs", acsSettingsSchema, createAcsCarrier),
  known("bex", bexSettingsSchema, createBexCarrier),
  known("canada_post", canadaPostSettingsSchema, createCanadaPostCarrier),
  known("cj", cjSettingsSchema, createCjCarrier),
  known("d_express", dExpressSettingsSchema, createDExpressCarrier),
  known("delivery_service", deliveryServiceSettingsSchema, createDeliveryServiceCarrier),
  known("fedex", fedexSettingsSchema, createFedexCarrier),
  known("lotte", lotteSettingsSchema, createLotteCarrier),
  known("post_express", postExpressSettingsSchema, createPostExpressCarrier),
  known("ups", upsSettingsSchema, createUpsCarrier),
  known("usps", uspsSettingsSchema, createUspsCarrier),
  known("yun_express", yunExpressSettingsSchema, createYunExpressCarrier),
];

export const KNOWN_CARRIER_CODES: readonly string[] = KNOWN.map(({ code }) => code);

function known<Settings>(
  code: string,
  schema: z.ZodType<Settings>,
  create: (settings: Settings, tools: CarrierTools) => Carrier,
): KnownCarrier {
  return {
    code,
    read: (given) => {
      const read = schema.safeParse(given);
      if (read.success) return { build: (tools) => create(read.data, tools) };
      return { issue: read.error.issues[0] as z.core.$ZodIssue };
    },
  };
}

export interface ConfiguredCarrier {
  code: string;
  build: Builder;
  /** As they were given. */
  settings: unknown;
}

/** What stops the start: one line, which names the setting and never its value. */
export class CarrierSettingError extends Error {}

/** Checks the settings of all carriers, by their codes. */
export function readCarrierSettings(given: Readonly<Record<string, unknown>>): ConfiguredCarrier[] {
  return Object.entries(given).map(([code, settings]) => {
    const carrier = KNOWN.find((one) => one.code === code);
    if (!carrier)
      throw new CarrierSettingError(
        `there is no carrier "${code.slice(0, 40)}"; known are ${KNOWN.map((one) => one.code).join(", ")}`,
      );
    const read = carrier.read(settings);
    if ("issue" in read) throw new CarrierSettingError(wordsOf(code, read.issue, settings));
    return { code, settings, build: read.build };
  });
}

/** The schema's own words say what was expected, unless they repeat what was given. */
function wordsOf(code: string, { path, message }: z.core.$ZodIssue, settings: unknown): string {
  const repeats = leavesOf(settings).some((value) => value.length > 3 && message.includes(value));
  return `${[code, ...path.map(String)].join(".")}: ${repeats ? "is not what it should be" : message}`;
}

function leavesOf(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [String(value)];
  return Object.values(value).flatMap(leavesOf);
}
