import type { StoredLabel } from "../../db/labels.ts";
import { DomainError, invalidField } from "../../domain/errors.ts";
import {
  LABEL_CONTENT_TYPES,
  type LabelContent,
  type LabelMedia,
  type LabelPrinter,
  USUAL_MEDIA,
} from "../../domain/label.ts";
import type { LabelFormat } from "../../domain/vocabulary.ts";

export interface WantedDocument {
  format: LabelFormat;
  media: LabelMedia;
}

export interface LabelDocument {
  content_type: string;
  data: Uint8Array;
  /** One package's bytes as they were bought. */
  as_bought: boolean;
}

/** How labels come to be a document: where their bytes lie, and who draws them. */
export interface LabelTools {
  draw: LabelPrinter;
  readBytes: (label: StoredLabel) => Promise<Uint8Array>;
}

/** What one package gives to the document: bytes as they were bought, or what is to be drawn. */
type Sheet = { package_id: bigint } & ({ stored: StoredLabel } | { content: LabelContent });

/**
 * The labels of some packages, one after the other, as one document. Bytes that were bought come unchanged. A label that
 * we drew can be drawn in any format; of one that the carrier drew, we would draw another under the same tracking
 * number, so that it is refused in other formats than the carrier's.
 */
export async function labelDocument(
  labels: readonly StoredLabel[],
  wanted: WantedDocument,
  tools: LabelTools,
): Promise<LabelDocument> {
  const byPackage = Map.groupBy(labels, ({ package_id }) => package_id);
  const sheets = Array.from(byPackage.values(), (ofPackage) => sheetOf(ofPackage, wanted));
  return {
    content_type: LABEL_CONTENT_TYPES[wanted.format],
    data: await join(sheets, wanted, tools),
    as_bought: sheets.every((sheet) => "stored" in sheet) && sheets.length === 1,
  };
}

function sheetOf(labels: readonly StoredLabel[], { format, media }: WantedDocument): Sheet {
  const [{ package_id }] = labels as [StoredLabel];
  const stored = labels.find((label) => label.format === format);
  const content = labels.find((label) => label.content !== null)?.content;
  if (stored && (!content || isUsual(media))) return { package_id, stored };
  if (content) return { package_id, content };
  throw notInThisFormat(package_id, format, labels);
}

function isUsual({ page, dpi }: LabelMedia): boolean {
  return page === USUAL_MEDIA.page && dpi === USUAL_MEDIA.dpi;
}

async function join(
  sheets: readonly Sheet[],
  wanted: WantedDocument,
  tools: LabelTools,
): Promise<Uint8Array> {
  const { format, media } = wanted;
  const [first] = sheets;
  if (first && sheets.length === 1) return bytesOf(first, wanted, tools);
  if (format === "zpl")
    return concat(await Promise.all(sheets.map((sheet) => bytesOf(sheet, wanted, tools))));
  if (format === "png") throw needsPackage(sheets, "a PNG shows one package");
  return tools.draw(format, drawnOnly(sheets), media);
}

async function bytesOf(
  sheet: Sheet,
  { format, media }: WantedDocument,
  tools: LabelTools,
): Promise<Uint8Array> {
  return "stored" in sheet ? tools.readBytes(sheet.stored) : tools.draw(format, [sheet.content], media);
}

/** Pages are drawn together; files of the carrier's can't be put together without changing them. */
function drawnOnly(sheets: readonly Sheet[]): LabelContent[] {
  return sheets.map((sheet) => {
    const content = "stored" in sheet ? sheet.stored.content : sheet.content;
    if (!content) throw needsPackage(sheets, "the carrier drew a PDF for each package");
    return content;
  });
}

function needsPackage(sheets: readonly Sheet[], reason: string): DomainError {
  const ids = sheets.map(({ package_id }) => package_id).join(", ");
  return invalidField("package_id", `is needed: ${reason}, and there are ${ids}`);
}

/** Printers take labels one after the other; what came without a line break at its end gets one. */
function concat(documents: readonly Uint8Array[]): Uint8Array {
  const newline = Uint8Array.of(10);
  return Buffer.concat(documents.flatMap((bytes) => (bytes.at(-1) === 10 ? [bytes] : [bytes, newline])));
}

function notInThisFormat(
  package_id: bigint,
  format: LabelFormat,
  labels: readonly StoredLabel[],
): DomainError {
  const formats = labels.map((label) => label.format).join(",");
  return new DomainError(
    "LABEL_NOT_FOUND",
    `the carrier drew the label of package ${package_id} as ${formats.toUpperCase()}, there is no ${format.toUpperCase()} of it`,
    { package_id, formats },
  );
}
