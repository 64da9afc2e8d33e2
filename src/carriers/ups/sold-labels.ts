import { z } from "zod";
import type { LabelFormat } from "../../domain/vocabulary.ts";
import type { CarrierHost } from "../answers.ts";
import { type BoughtLabel, CarrierUncertain, type LabelPackage, type LabelPurchase } from "../carrier.ts";
import { formatOfLabel } from "../label-format.ts";
import { oneOrMore } from "../one-or-more.ts";
import { recoverPdf } from "./recovery.ts";
import type { UpsSettings } from "./settings.ts";

const packageSchema = z.object({
  TrackingNumber: z.string().min(1),
  ShippingLabel: z.object({
    ImageFormat: z.object({ Code: z.string() }).nullish().catch(null),
    GraphicImage: z.string().min(1),
  }),
});

/** We ask for the first; should UPS give another one, it says so. */
const FORMATS: Readonly<Record<string, LabelFormat>> = { ZPL: "zpl", PDF: "pdf", PNG: "png" };

/** Before version 2403 a single package is no list. */
export const soldSchema = z.object({
  ShipmentResponse: z.object({
    ShipmentResults: z.object({
      ShipmentIdentificationNumber: z.string().nullish(),
      PackageResults: oneOrMore(packageSchema),
    }),
  }),
});

type SoldPackage = z.infer<typeof packageSchema>;

export async function purchaseOf(
  host: CarrierHost,
  settings: UpsSettings,
  packages: readonly LabelPackage[],
  answer: z.infer<typeof soldSchema>,
): Promise<LabelPurchase> {
  const { ShipmentIdentificationNumber, PackageResults: sold } = answer.ShipmentResponse.ShipmentResults;
  const id = ShipmentIdentificationNumber || (sold[0]?.TrackingNumber ?? "");
  if (sold.length !== packages.length)
    throw new CarrierUncertain(`UPS sold ${sold.length} labels for ${packages.length} boxes as ${id}`);
  const labels: BoughtLabel[] = [];
  for (const [index, { sequence_number }] of packages.entries())
    labels.push(await labelOf(host, settings, sequence_number, sold[index] as SoldPackage));
  return { labels, carrier_reference: id };
}

/** What is sold is sold: when there is no PDF of it to be had, it is kept as ZPL. */
async function labelOf(
  host: CarrierHost,
  { labelFormat }: UpsSettings,
  sequence_number: number,
  { TrackingNumber: tracking_number, ShippingLabel }: SoldPackage,
): Promise<BoughtLabel> {
  const sold = Buffer.from(ShippingLabel.GraphicImage, "base64");
  const pdf = labelFormat === "pdf" ? await recoverPdf(host, tracking_number) : undefined;
  if (pdf) return { sequence_number, tracking_number, format: "pdf", data: pdf };
  const format = FORMATS[ShippingLabel.ImageFormat?.Code ?? ""] ?? formatOfLabel(sold) ?? "zpl";
  return { sequence_number, tracking_number, format, data: sold };
}
