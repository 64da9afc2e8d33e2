import { z } from "zod";

/** What FedEx documents of the requests that we make. */
export const tokenSchema = z.strictObject({
  grant_type: z.literal("client_credentials"),
  client_id: z.string(),
  client_secret: z.string(),
});
const contact = z.strictObject({
  personName: z.string().min(1).max(70),
  phoneNumber: z.string().min(1).max(15),
  companyName: z.string().max(35).optional(),
  emailAddress: z.string().optional(),
});
const address = z.strictObject({
  streetLines: z.array(z.string().min(1)).min(1).max(3),
  city: z.string().min(1),
  stateOrProvinceCode: z.string().max(2).optional(),
  postalCode: z.string().max(10).optional(),
  countryCode: z.string().regex(/^[A-Z]{2}$/),
});
export const shipSchema = z.strictObject({
  labelResponseOptions: z.enum(["LABEL", "URL_ONLY"]),
  accountNumber: z.strictObject({ value: z.string().regex(/^\d{9}$/) }),
  requestedShipment: z.strictObject({
    shipper: z.strictObject({ contact, address }),
    recipients: z.array(z.strictObject({ contact, address })).length(1),
    pickupType: z.enum(["CONTACT_FEDEX_TO_SCHEDULE", "DROPOFF_AT_FEDEX_LOCATION", "USE_SCHEDULED_PICKUP"]),
    serviceType: z.string().regex(/^[A-Z0-9_]+$/),
    packagingType: z.string().min(1),
    shippingChargesPayment: z.strictObject({ paymentType: z.enum(["SENDER", "RECIPIENT", "THIRD_PARTY"]) }),
    labelSpecification: z.strictObject({
      imageType: z.enum(["ZPLII", "EPL2", "PDF", "PNG"]),
      labelStockType: z.enum(["STOCK_4X6", "PAPER_4X6"]),
    }),
    requestedPackageLineItems: z
      .array(
        z.strictObject({
          weight: z.strictObject({ units: z.enum(["KG", "LB"]), value: z.number().positive() }),
          dimensions: z
            .strictObject({
              length: z.int().positive(),
              width: z.int().positive(),
              height: z.int().positive(),
              units: z.enum(["CM", "IN"]),
            })
            .optional(),
          customerReferences: z
            .array(
              z.strictObject({
                customerReferenceType: z.enum(["CUSTOMER_REFERENCE", "INVOICE_NUMBER", "P_O_NUMBER"]),
                value: z.string().max(40),
              }),
            )
            .optional(),
        }),
      )
      .min(1)
      .max(40),
  }),
});
export const cancelSchema = z.strictObject({
  accountNumber: z.strictObject({ value: z.string().regex(/^\d{9}$/) }),
  trackingNumber: z.string().regex(/^\d{12}$/),
  deletionControl: z.enum(["DELETE_ALL_PACKAGES", "DELETE_ONE_PACKAGE"]),
});
export const trackSchema = z.strictObject({
  includeDetailedScans: z.boolean(),
  trackingInfo: z
    .array(z.strictObject({ trackingNumberInfo: z.strictObject({ trackingNumber: z.string().min(1) }) }))
    .min(1)
    .max(30),
});
