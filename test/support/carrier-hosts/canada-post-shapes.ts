import { z } from "zod";

/** Written from Canada Post's XML schemas of shipment-v8 and its pages on shipping and tracking. */
export const CANADA_POST_ACCOUNT = {
  username: "6e93d53968881714",
  password: "0bfa9fcb9853d1f51ee57a",
  customerNumber: "2004381",
  contractId: "42708517",
  refundEmail: "dock@example.com",
} as const;

const text = (max: number) => z.string().min(1).max(max);
const postal = z.string().regex(/^[A-Z]\d[A-Z]\d[A-Z]\d$/);
const decimal = (digits: number) => z.string().regex(new RegExp(`^\\d{1,3}(\\.\\d{1,${digits}})?$`));
const addressSchema = z.strictObject({
  "address-line-1": text(44),
  "address-line-2": text(44).optional(),
  city: text(40),
  "prov-state": text(20),
  "country-code": z.string().regex(/^[A-Z]{2}$/),
  "postal-zip-code": postal,
});
export const shipmentSchema = z.strictObject({
  "?xml": z.unknown(),
  shipment: z.strictObject({
    "@xmlns": z.literal("http://www.canadapost.ca/ws/shipment-v8"),
    "customer-request-id": text(35),
    "transmit-shipment": z.literal("").optional(),
    "group-id": text(32).optional(),
    "provide-pricing-info": z.literal("true").optional(),
    "requested-shipping-point": postal,
    "delivery-spec": z.strictObject({
      "service-code": text(32),
      sender: z.strictObject({
        name: text(44).optional(),
        company: text(44),
        "contact-phone": text(25),
        "address-details": addressSchema,
      }),
      destination: z.strictObject({
        name: text(44).optional(),
        company: text(44).optional(),
        "client-voice-number": text(25).optional(),
        "address-details": addressSchema,
      }),
      "parcel-characteristics": z.strictObject({
        weight: decimal(3),
        dimensions: z.strictObject({ length: decimal(1), width: decimal(1), height: decimal(1) }).optional(),
      }),
      "print-preferences": z.strictObject({
        "output-format": z.enum(["8.5x11", "4x6"]),
        encoding: z.enum(["PDF", "ZPL"]),
      }),
      preferences: z.strictObject({ "show-packing-instructions": z.enum(["true", "false"]) }),
      references: z.strictObject({ "customer-ref-1": text(35).optional() }).optional(),
      "settlement-info": z.strictObject({
        "contract-id": z.literal(CANADA_POST_ACCOUNT.contractId),
        "intended-method-of-payment": text(15),
      }),
    }),
  }),
});
export const refundSchema = z.strictObject({
  "?xml": z.unknown(),
  "shipment-refund-request": z.strictObject({
    "@xmlns": z.literal("http://www.canadapost.ca/ws/shipment-v8"),
    email: z.email(),
  }),
});
