import { z } from "zod";
import type { CarrierHost } from "../answers.ts";
import { CarrierRefusal, CarrierUnavailable } from "../carrier.ts";
import { oneOrMore } from "../one-or-more.ts";
import { stableUuid } from "../stable-uuid.ts";
import { transaction } from "./ups-host.ts";

const recoveredSchema = z.object({
  LabelRecoveryResponse: z.object({
    LabelResults: oneOrMore(
      z.object({
        TrackingNumber: z.string().nullish(),
        LabelImage: z.object({
          LabelImageFormat: z.object({ Code: z.string() }).nullish(),
          GraphicImage: z.string().min(1),
        }),
      }),
    ),
  }),
});

/** The label of a package that is sold already, as a PDF; undefined: UPS doesn't give it. */
export async function recoverPdf(host: CarrierHost, tracking_number: string): Promise<Buffer | undefined> {
  const body = {
    LabelRecoveryRequest: {
      LabelSpecification: { LabelImageFormat: { Code: "PDF" }, LabelStockSize: { Height: "6", Width: "4" } },
      TrackingNumber: tracking_number,
    },
  };
  const call = {
    operation: "recover_label",
    method: "POST",
    path: "api/labels/v1/recovery",
    headers: {
      "content-type": "application/json",
      ...transaction(stableUuid(`ups recovery ${tracking_number}`)),
    },
    body: JSON.stringify(body),
    repeatable: true,
  } as const;
  try {
    const { LabelResults } = (await host.askJson(call, recoveredSchema)).LabelRecoveryResponse;
    const found =
      LabelResults.find(({ TrackingNumber }) => TrackingNumber === tracking_number) ?? LabelResults[0];
    const isPdf = (found?.LabelImage.LabelImageFormat?.Code ?? "PDF").toUpperCase() === "PDF";
    return found && isPdf ? Buffer.from(found.LabelImage.GraphicImage, "base64") : undefined;
  } catch (error) {
    if (error instanceof CarrierRefusal || error instanceof CarrierUnavailable) return undefined;
    throw error;
  }
}
