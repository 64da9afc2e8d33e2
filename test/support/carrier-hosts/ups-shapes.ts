import { z } from "zod";

/** What UPS documents of the requests that we make. */
const decimal = z.string().regex(/^\d{1,5}(\.\d{1,2})?$/);
const party = {
  Name: z.string().min(1).max(35),
  AttentionName: z.string().max(35).optional(),
  Phone: z.strictObject({ Number: z.string().min(1).max(15) }).optional(),
  EMailAddress: z.string().max(50).optional(),
  Address: z.strictObject({
    AddressLine: z.array(z.string().min(1).max(35)).min(1).max(3),
    City: z.string().min(1).max(30),
    StateProvinceCode: z.string().max(5).optional(),
    PostalCode: z.string().max(9).optional(),
    CountryCode: z.string().regex(/^[A-Z]{2}$/),
  }),
};
const referenceNumber = z.strictObject({ Value: z.string().min(1).max(35) });
export const shipSchema = z.strictObject({
  ShipmentRequest: z.strictObject({
    Request: z.strictObject({ RequestOption: z.enum(["validate", "nonvalidate"]) }),
    Shipment: z.strictObject({
      ReferenceNumber: referenceNumber.optional(),
      Shipper: z.strictObject({ ...party, ShipperNumber: z.string().length(6) }),
      ShipTo: z.strictObject(party),
      PaymentInformation: z.strictObject({
        ShipmentCharge: z
          .array(
            z.strictObject({
              Type: z.enum(["01", "02"]),
              BillShipper: z.strictObject({ AccountNumber: z.string().length(6) }),
            }),
          )
          .length(1),
      }),
      Service: z.strictObject({ Code: z.string().regex(/^[0-9A-Z]{2,3}$/) }),
      Package: z
        .array(
          z.strictObject({
            ReferenceNumber: referenceNumber.optional(),
            Packaging: z.strictObject({ Code: z.string().length(2) }),
            Dimensions: z
              .strictObject({
                UnitOfMeasurement: z.strictObject({ Code: z.enum(["CM", "IN"]) }),
                Length: decimal,
                Width: decimal,
                Height: decimal,
              })
              .optional(),
            PackageWeight: z.strictObject({
              UnitOfMeasurement: z.strictObject({ Code: z.enum(["KGS", "LBS"]) }),
              Weight: decimal,
            }),
          }),
        )
        .min(1)
        .max(200),
    }),
    LabelSpecification: z.strictObject({
      LabelImageFormat: z.strictObject({ Code: z.enum(["GIF", "ZPL", "EPL", "SPL"]) }),
      LabelStockSize: z.strictObject({ Height: z.enum(["6", "8"]), Width: z.literal("4") }),
    }),
  }),
});
export const recoverySchema = z.strictObject({
  LabelRecoveryRequest: z.strictObject({
    LabelSpecification: z.strictObject({
      LabelImageFormat: z.strictObject({ Code: z.enum(["GIF", "PDF", "ZPL", "EPL", "SPL"]) }),
      LabelStockSize: z.strictObject({ Height: z.enum(["6", "8"]), Width: z.literal("4") }).optional(),
    }),
    TrackingNumber: z.string().regex(/^1Z[0-9A-Z]{16}$/),
  }),
});
