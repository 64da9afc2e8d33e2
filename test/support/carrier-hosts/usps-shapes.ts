import { z } from "zod";

/** Written from USPS's OpenAPI files of Labels 3 and Tracking 3, and what is known of its subscriptions. */
export const USPS_ACCOUNT = {
  clientId: "usps-consumer-key-0123456789",
  clientSecret: "usps-consumer-secret-abcdef",
  crid: "56982563",
  mid: "904128936",
  manifestMid: "903874120",
  accountNumber: "1000405525",
  webhookSecret: "exactly-thirty-two-characters-00",
} as const;

export const tokenSchema = z.strictObject({
  grant_type: z.literal("client_credentials"),
  client_id: z.string(),
  client_secret: z.string(),
});
export const paymentSchema = z.strictObject({
  roles: z
    .array(
      z.discriminatedUnion("roleName", [
        z.strictObject({
          roleName: z.literal("PAYER"),
          CRID: z.literal(USPS_ACCOUNT.crid),
          accountType: z.enum(["EPS", "PERMIT"]),
          accountNumber: z.literal(USPS_ACCOUNT.accountNumber),
        }),
        z.strictObject({
          roleName: z.literal("LABEL_OWNER"),
          CRID: z.literal(USPS_ACCOUNT.crid),
          MID: z.literal(USPS_ACCOUNT.mid),
          manifestMID: z.literal(USPS_ACCOUNT.manifestMid),
        }),
      ]),
    )
    .length(2),
});
const addressSchema = z.strictObject({
  firstName: z.string().optional(),
  lastName: z.string().optional(),
  firm: z.string().max(50).optional(),
  streetAddress: z.string().min(1).max(50),
  secondaryAddress: z.string().max(50).optional(),
  city: z.string().min(1).max(28),
  state: z.string().regex(/^[A-Z]{2}$/),
  ZIPCode: z.string().regex(/^\d{5}$/),
  ZIPPlus4: z
    .string()
    .regex(/^\d{4}$/)
    .optional(),
});
export const labelSchema = z.strictObject({
  imageInfo: z.strictObject({
    imageType: z.enum(["PDF", "PNG", "JPG", "TIFF", "SVG", "GIF", "ZPL203DPI", "ZPL300DPI", "EPL300DPI"]),
    labelType: z.literal("4X6LABEL"),
    receiptOption: z.enum(["NONE", "SAME_PAGE", "SEPARATE_PAGE"]),
  }),
  fromAddress: addressSchema,
  toAddress: addressSchema,
  packageDescription: z.strictObject({
    mailClass: z.string().regex(/^[A-Z_]+$/),
    rateIndicator: z.string().regex(/^[A-Z0-9]{2}$/),
    processingCategory: z.enum(["MACHINABLE", "NONSTANDARD", "NON_MACHINABLE", "FLATS"]),
    destinationEntryFacilityType: z.literal("NONE"),
    mailingDate: z.iso.date(),
    weightUOM: z.literal("lb"),
    weight: z.number().positive(),
    dimensionsUOM: z.literal("in"),
    length: z.number().nonnegative(),
    width: z.number().nonnegative(),
    height: z.number().nonnegative(),
    customerReference: z
      .array(z.strictObject({ referenceNumber: z.string().max(30), printReferenceNumber: z.boolean() }))
      .optional(),
  }),
});
/** A field that is not named here is refused. */
export const trackBatchSchema = z
  .array(
    z.strictObject({
      trackingNumber: z.string().regex(/^[0-9A-Z]{10,34}$/),
      mailingDate: z.iso.date().optional(),
      destinationZIPCode: z
        .string()
        .regex(/^\d{5}$/)
        .optional(),
    }),
  )
  .min(1)
  .max(35);
