import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Address as AddressMessage, AddressSchema } from "../../gen/wms/v1/address_pb.js";
import { readAddress } from "../domain/address.ts";
import { text } from "./parse.ts";

export function addressMessage(stored: unknown): MessageInitShape<typeof AddressSchema> {
  const address = readAddress(stored);
  return {
    contactName: address.contact_name,
    company: address.company,
    street: address.street,
    street2: address.street2,
    city: address.city,
    state: address.state,
    postalCode: address.postal_code,
    country: address.country,
    phone: address.phone,
    email: address.email,
  };
}

/** The parts that were given; an absent address is an empty one. */
export function parseAddress(field: string, address: AddressMessage | undefined): Record<string, string> {
  const parts = {
    contact_name: text(`${field}.contact_name`, address?.contactName),
    company: text(`${field}.company`, address?.company),
    street: text(`${field}.street`, address?.street),
    street2: text(`${field}.street2`, address?.street2),
    city: text(`${field}.city`, address?.city),
    state: text(`${field}.state`, address?.state),
    postal_code: text(`${field}.postal_code`, address?.postalCode, 32),
    country: text(`${field}.country`, address?.country, 64),
    phone: text(`${field}.phone`, address?.phone, 64),
    email: text(`${field}.email`, address?.email),
  };
  return Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== ""));
}
