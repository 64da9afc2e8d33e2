import { z } from "zod";
import type { LabelFormat } from "../../domain/vocabulary.ts";
import { type BoughtLabel, CarrierUncertain, type LabelPackage, type LabelPurchase } from "../carrier.ts";
import { formatOfLabel } from "../label-format.ts";

const FORMATS: Readonly<Record<string, LabelFormat>> = { ZPLII: "zpl", PDF: "pdf", PNG: "png" };

/** What FedEx says beside the labels can't lose them. */
const text = z.string().nullish().catch(null);

const documentSchema = z.object({ contentType: text, docType: text, encodedLabel: text });

const pieceSchema = z.object({
  trackingNumber: z.string().min(1),
  packageSequenceNumber: z.coerce.number().optional().catch(undefined),
  deliveryDatestamp: text,
  packageDocuments: z.array(documentSchema).nullish(),
});

export const soldSchema = z.object({
  output: z.object({
    transactionShipments: z
      .array(z.object({ masterTrackingNumber: text, pieceResponses: z.array(pieceSchema).min(1) }))
      .nullish(),
    /** Of a shipment that is made in the background. */
    jobId: text,
  }),
});

type Document = z.infer<typeof documentSchema>;
type Piece = z.infer<typeof pieceSchema>;

export function purchaseOf(
  output: z.infer<typeof soldSchema>["output"],
  packages: readonly LabelPackage[],
  labelFormat: LabelFormat,
): LabelPurchase {
  const [shipment] = output.transactionShipments ?? [];
  if (!shipment)
    throw new CarrierUncertain(
      output.jobId
        ? `FedEx makes the shipment later, as job ${output.jobId}: its labels have to be fetched by hand`
        : "FedEx's answer has no shipment",
    );
  const { masterTrackingNumber, pieceResponses } = shipment;
  const labels = packages.map((box, index) => labelOf(box, index, pieceResponses, labelFormat));
  const estimated = /^\d{4}-\d{2}-\d{2}/.exec(pieceResponses[0]?.deliveryDatestamp ?? "")?.[0];
  return {
    labels,
    carrier_reference: masterTrackingNumber || (labels[0]?.tracking_number ?? ""),
    ...(estimated ? { estimated_delivery_date: estimated } : {}),
  };
}

function labelOf(
  { sequence_number }: LabelPackage,
  index: number,
  pieces: readonly Piece[],
  labelFormat: LabelFormat,
): BoughtLabel {
  const piece = pieces.find((one) => one.packageSequenceNumber === index + 1) ?? pieces[index];
  const document = labelAmong(piece?.packageDocuments ?? []);
  if (!piece || !document?.encodedLabel)
    throw new CarrierUncertain(`FedEx sold a shipment without a label for box ${sequence_number}`);
  const data = Buffer.from(document.encodedLabel, "base64");
  const format = FORMATS[document.docType ?? ""] ?? formatOfLabel(data) ?? labelFormat;
  return { sequence_number, tracking_number: piece.trackingNumber, format, data };
}

/** Beside the label there may be others of their own, such as `HAZMAT_LABEL` and `AUXILIARY_LABEL`. */
function labelAmong(documents: readonly Document[]): Document | undefined {
  const given = documents.filter(({ encodedLabel }) => encodedLabel);
  return (
    given.find(({ contentType }) => contentType === "LABEL") ??
    given.find(({ contentType }) => contentType?.includes("LABEL")) ??
    given[0]
  );
}
