import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  CarrierPriceSchema,
  ExplainCarrierChoiceRequest,
  ExplainCarrierChoiceResponseSchema,
} from "../../gen/wms/v1/shipments_pb.js";
import type { WarehouseService } from "../../gen/wms/v1/warehouse_service_pb.js";
import { type CarrierRules, DEFAULT_RULES } from "../domain/carrier-choice.ts";
import type { Price } from "../domain/cheapest-quote.ts";
import { invalidField } from "../domain/errors.ts";
import type { Dimensions } from "../domain/parcel.ts";
import {
  type ExplainedChoice,
  explainCarrierChoice,
  type ParcelInQuestion,
} from "../use-cases/shipping/choose-carrier.ts";
import { withPrices } from "../use-cases/shipping/price-choice.ts";
import type { Deps } from "./deps.ts";
import type { HandlersOf } from "./handler.ts";
import { optionalId, requiredMeasure, text } from "./parse.ts";

type Service = HandlersOf<typeof WarehouseService>;

const MAX_PARCELS = 1_000;

export function carrierChoiceHandlers({
  db,
  carrierRules = DEFAULT_RULES,
  askPrices,
}: Deps): Pick<Service, "explainCarrierChoice"> {
  return {
    explainCarrierChoice: async (request) => {
      const question = parseQuestion(request);
      const explain = (rules: CarrierRules) => explainCarrierChoice(db, rules, question);
      return choiceMessage(await withPrices(carrierRules, askPrices, explain));
    },
  };
}

function parseQuestion(request: ExplainCarrierChoiceRequest): ParcelInQuestion {
  if (request.parcels.length > MAX_PARCELS) throw invalidField("parcels", `must be at most ${MAX_PARCELS}`);
  const country = text("country", request.country, 2);
  if (country !== "" && !/^[a-z]{2}$/i.test(country))
    throw invalidField("country", "must be two letters, such as RS");
  return {
    order_id: optionalId("order_id", request.orderId),
    fulfillment_id: optionalId("fulfillment_id", request.fulfillmentId),
    country,
    warehouse_code: text("warehouse_code", request.warehouseCode, 64),
    storefront_id: optionalId("storefront_id", request.storefrontId)?.toString() ?? "",
    service: text("service", request.service, 128),
    boxes: request.parcels.map(parseParcel),
  };
}

function parseParcel(parcel: ExplainCarrierChoiceRequest["parcels"][number], index: number): Dimensions {
  const measure = (name: keyof Dimensions) => requiredMeasure(`parcels[${index}].${name}`, parcel[name]);
  return {
    weight: measure("weight"),
    length: measure("length"),
    width: measure("width"),
    height: measure("height"),
  };
}

function choiceMessage({
  carrier_code,
  service,
  explanation,
  parcel,
}: ExplainedChoice): MessageInitShape<typeof ExplainCarrierChoiceResponseSchema> {
  return {
    carrierCode: carrier_code,
    service,
    rules: explanation.map(({ rule, number, matched, reason }) => ({
      number,
      name: rule.name,
      carrierCode: rule.carrier_code,
      service: rule.service,
      matched,
      reason,
    })),
    country: parcel.country,
    warehouseCode: parcel.warehouse_code,
    storefrontId: BigInt(parcel.storefront_id || "0"),
    parcels: [...parcel.boxes],
    prices: explanation
      .flatMap(({ rule, matched }) => (matched ? (rule.prices ?? []) : []))
      .map(priceMessage),
  };
}

function priceMessage({
  carrier_code,
  service,
  ...price
}: Price): MessageInitShape<typeof CarrierPriceSchema> {
  const told = "failed" in price ? { problem: price.failed } : price;
  return { carrierCode: carrier_code, service, ...told };
}
