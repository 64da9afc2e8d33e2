import { z } from "zod";
import type { OutsideAnswer } from "../../outside/outside-client.ts";
import { formatOfLabel } from "../label-format.ts";
import { readMultipart } from "../multipart.ts";

const commitmentSchema = z.object({ scheduleDeliveryDate: z.string().nullish() });

const metadataSchema = z.object({
  trackingNumber: z.string().min(1),
  // A date that can't be read is no reason to lose a label that is bought.
  commitment: z
    .union([commitmentSchema, z.array(commitmentSchema)])
    .nullish()
    .catch(null),
});

/** All in one object; or the metadata by itself, as in the parts of the other form. */
const labelSchema = z.union([
  metadataSchema.extend({ labelImage: z.string().min(1) }),
  z
    .object({ labelMetadata: metadataSchema, labelImage: z.string().min(1) })
    .transform(({ labelMetadata, labelImage }) => ({ ...labelMetadata, labelImage })),
]);

export type SoldLabel = z.infer<typeof labelSchema>;

export function readSoldLabel(answer: OutsideAnswer): SoldLabel {
  return labelSchema.parse(readLabel(answer));
}

/** USPS answers in parts unless asked for one JSON object, and may do so even then. */
function readLabel({ headers, body }: OutsideAnswer): unknown {
  const type = headers.get("content-type") ?? "";
  if (!/^multipart\//i.test(type) && !body.toString("latin1", 0, 10).trimStart().startsWith("--"))
    return JSON.parse(body.toString("utf8"));
  const parts = readMultipart(type, body);
  const isJson = (part: { type: string }) => part.type.endsWith("json");
  const metadata = parts.find(({ name }) => name === "labelMetadata") ?? parts.find(isJson);
  const image = parts.find(({ name }) => name === "labelImage") ?? parts.find((part) => !isJson(part));
  return { labelMetadata: JSON.parse(metadata?.text ?? ""), labelImage: image?.text };
}

/** Base64, as USPS writes it even where it calls a part binary; should it be the label itself after all, it is kept. */
export function bytesOf(labelImage: string): Buffer {
  const plain = Buffer.from(labelImage, "latin1");
  return formatOfLabel(plain) ? plain : Buffer.from(labelImage, "base64");
}

export function estimateOf({ commitment }: SoldLabel): string | undefined {
  const [first] = [commitment ?? []].flat();
  return /^\d{4}-\d{2}-\d{2}/.exec(first?.scheduleDeliveryDate ?? "")?.[0];
}
