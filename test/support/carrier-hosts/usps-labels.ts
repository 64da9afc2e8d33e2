import type { HostAnswer } from "./http-messages.ts";

export function labelBytes(imageType: string, number: string): Buffer {
  if (imageType.startsWith("ZPL")) return Buffer.from(`^XA^FX${"ñ".repeat(60)}^FDUSPS ${number}^FS^XZ`);
  const head = imageType === "PDF" ? "%PDF-1.7\n" : "\x89PNG\r\n\x1a\n";
  return Buffer.concat([Buffer.from(head, "latin1"), Buffer.from([13, 10, 0, 255]), Buffer.from(number)]);
}

/** Metadata, label, receipt: the picture wrapped like mail. */
export function partsOf(metadata: object, label: Buffer, imageType: string): HostAnswer {
  const boundary = "----=_Part_2718_28182845.9045235360287";
  const wrapped = label.toString("base64").replace(/.{76}/g, "$&\r\n");
  const lines = [
    `--${boundary}`,
    'Content-Disposition: form-data; name="labelMetadata"',
    "Content-Type: application/json",
    "",
    JSON.stringify(metadata),
    `--${boundary}`,
    `Content-Disposition: form-data; filename="labelImage.${imageType.toLowerCase()}"; name="labelImage"`,
    "Content-Type: application/octet-stream",
    "Content-Transfer-Encoding: binary",
    "",
    wrapped,
    `--${boundary}`,
    'Content-Disposition: form-data; filename="receipt.pdf"; name="receiptImage"',
    "Content-Type: application/pdf",
    "",
    Buffer.from("%PDF-receipt").toString("base64"),
    `--${boundary}--`,
    "",
  ];
  const headers = { "content-type": `multipart/form-data; boundary="${boundary}"` };
  return { headers, body: lines.join("\r\n") };
}
