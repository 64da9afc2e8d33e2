import type { Address } from "../../domain/address.ts";
import type { LabelPackage, LabelRequest } from "../carrier.ts";
import { dateIn } from "../wall-clock.ts";
import { measuresOf } from "./measures.ts";
import type { UspsSettings } from "./settings.ts";

export function labelRequestOf(
  { imageType, service, rateIndicator, processingCategory, timeZone }: UspsSettings,
  request: LabelRequest,
  box: LabelPackage,
  now: Date,
): object {
  return {
    imageInfo: { imageType, labelType: "4X6LABEL", receiptOption: "NONE" },
    fromAddress: addressOf(request.from),
    toAddress: addressOf(request.to),
    packageDescription: {
      mailClass: request.service || service,
      rateIndicator,
      processingCategory,
      destinationEntryFacilityType: "NONE",
      mailingDate: dateIn(timeZone, now),
      weightUOM: "lb",
      dimensionsUOM: "in",
      ...measuresOf(box),
      customerReference: [{ referenceNumber: request.reference.slice(0, 30), printReferenceNumber: false }],
    },
  };
}

function addressOf({ contact_name, company, street, street2, city, state, postal_code }: Address): object {
  const words = contact_name.split(/\s+/).filter(Boolean);
  const [ZIPCode = "", ZIPPlus4] = postal_code.split("-");
  return {
    ...(words.length > 0 ? { firstName: words.slice(0, -1).join(" ") || words[0] } : {}),
    ...(words.length > 1 ? { lastName: words.at(-1) } : {}),
    ...(company ? { firm: company } : {}),
    streetAddress: street,
    ...(street2 ? { secondaryAddress: street2 } : {}),
    city,
    state,
    ZIPCode,
    ...(ZIPPlus4 ? { ZIPPlus4 } : {}),
  };
}
