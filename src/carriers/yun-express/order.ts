import type { Address } from "../../domain/address.ts";
import { personOf, requireParts, streetLines } from "../address-parts.ts";
import { CarrierRefusal, type LabelRequest } from "../carrier.ts";
import type { YunExpressSettings } from "./settings.ts";

const MAX_REFERENCE = 50;

/** The body of `package/create`: one box, its goods declared for customs; kilograms and centimetres. */
export function orderOf(request: LabelRequest, settings: YunExpressSettings) {
  const { reference, service, from, to, packages, goods } = request;
  requireParts("YunExpress", { to }, ["street", "city", "postal_code", "country", "phone"]);
  const [box, ...others] = packages;
  if (!box || others.length > 0)
    throw new CarrierRefusal(
      `YunExpress parcels are declared to customs one by one, and which goods are in which of ${packages.length} boxes isn't known: ship them one box a shipment`,
    );
  if (goods.length === 0)
    throw new CarrierRefusal(
      "YunExpress declares every parcel to customs, and it isn't known what is in this one",
    );
  return {
    product_code: service || settings.productCode,
    customer_order_number: reference.slice(0, MAX_REFERENCE),
    weight_unit: "KG",
    size_unit: "CM",
    packages: [{ length: box.length, width: box.width, height: box.height, weight: box.weight }],
    receiver: partyOf(to),
    ...(from.street ? { sender: partyOf(from) } : {}),
    declaration_info: declarationOf(request, box.weight, settings),
    ...(settings.iossNumber ? { customs_number: { ioss_code: settings.iossNumber } } : {}),
  };
}

function partyOf(address: Address) {
  return {
    first_name: personOf(address),
    last_name: "",
    company: address.company,
    country_code: address.country,
    province: address.state,
    city: address.city,
    address_lines: streetLines(address),
    postal_code: address.postal_code,
    phone_number: address.phone,
    email: address.email,
  };
}

/** Goods of which no weight is known weigh what the others leave of the box, each the same. */
function declarationOf({ goods }: LabelRequest, kg: number, settings: YunExpressSettings) {
  const known = goods.reduce((sum, { weight, quantity }) => sum + (weight ?? 0) * quantity, 0);
  const unweighed = goods.reduce((sum, { weight, quantity }) => sum + (weight === null ? quantity : 0), 0);
  const guess = Math.max(0.001, unweighed === 0 ? 0 : (kg - known) / unweighed);
  return goods.map(({ sku, name, quantity, weight }) => ({
    name_en: name,
    name_local: name,
    quantity,
    unit_price: settings.declaredUnitPrice,
    unit_weight: Math.round((weight ?? guess) * 1000) / 1000,
    currency: settings.declaredCurrency,
    sku_code: sku,
    ...(settings.hsCodes[sku] ? { hs_code: settings.hsCodes[sku] } : {}),
  }));
}
