import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  type Listing,
  type Location,
  LocationKind,
  RemovalStrategy,
  type Warehouse,
} from "../../gen/wms/v1/catalogue_pb.js";
import { WarehouseService } from "../../gen/wms/v1/warehouse_service_pb.js";
import type { ListingRow, LocationRow, WarehouseRow } from "../db/catalogue.ts";
import { invalidField } from "../domain/errors.ts";
import type * as words from "../domain/vocabulary.ts";
import { upsertListings } from "../use-cases/catalogue/upsert-listings.ts";
import { upsertLocations } from "../use-cases/catalogue/upsert-locations.ts";
import { upsertWarehouses } from "../use-cases/catalogue/upsert-warehouses.ts";
import { addressMessage, parseAddress } from "./address-messages.ts";
import type { Deps } from "./deps.ts";
import { callOf, type HandlersOf } from "./handler.ts";
import { requiredId, requiredList, requiredMeasure, requiredText, text } from "./parse.ts";
import { parseWord } from "./vocabulary-messages.ts";

const MAX_BULK = 10_000;
const rpc = WarehouseService.method;

const KINDS = {
  bin: LocationKind.BIN,
  put_back: LocationKind.PUT_BACK,
  quarantine: LocationKind.QUARANTINE,
} satisfies Record<words.LocationKind, LocationKind>;

const STRATEGIES = {
  fifo: RemovalStrategy.FIFO,
  fefo: RemovalStrategy.FEFO,
  lifo: RemovalStrategy.LIFO,
} satisfies Record<words.RemovalStrategy, RemovalStrategy>;

type Topic = "upsertWarehouses" | "upsertLocations" | "upsertListings";

export function catalogueHandlers({ db }: Deps): Pick<HandlersOf<typeof WarehouseService>, Topic> {
  return {
    upsertWarehouses: async (request, caller) => {
      const warehouses = requiredList("warehouses", request.warehouses, MAX_BULK).map(parseWarehouse);
      const rows = await upsertWarehouses(db, callOf(rpc.upsertWarehouses, request, caller), warehouses);
      return { warehouses: rows.map(warehouseMessage) };
    },
    upsertLocations: async (request, caller) => {
      const input = {
        warehouse_id: requiredId("warehouse_id", request.warehouseId),
        locations: requiredList("locations", request.locations, MAX_BULK).map(parseLocation),
      };
      const rows = await upsertLocations(db, callOf(rpc.upsertLocations, request, caller), input);
      return { locations: rows.map(locationMessage) };
    },
    upsertListings: async (request, caller) => {
      const listings = requiredList("listings", request.listings, MAX_BULK).map(parseListing);
      const rows = await upsertListings(db, callOf(rpc.upsertListings, request, caller), listings);
      return { listings: rows.map(listingMessage) };
    },
  };
}

function parseWarehouse(warehouse: Warehouse, index: number) {
  const at = `warehouses[${index}]`;
  const code = requiredText(`${at}.code`, warehouse.code, 64);
  return {
    code,
    name: text(`${at}.name`, warehouse.name) || code,
    priority: warehouse.priority === 0 ? 100 : warehouse.priority,
    address: parseAddress(`${at}.address`, warehouse.address),
    gs1_company_prefix: parsePrefix(`${at}.gs1_company_prefix`, warehouse.gs1CompanyPrefix),
  };
}

function parsePrefix(field: string, value: string | undefined): string | undefined {
  if (value && !/^\d{4,12}$/.test(value)) throw invalidField(field, "must be 4 to 12 digits, or empty");
  return value;
}

function parseLocation(location: Location, index: number) {
  const at = `locations[${index}]`;
  const code = requiredText(`${at}.code`, location.code, 64);
  return {
    code,
    barcode: text(`${at}.barcode`, location.barcode) || code,
    zone_code: text(`${at}.zone_code`, location.zoneCode, 64),
    kind: location.kind === LocationKind.UNSPECIFIED ? "bin" : parseWord(KINDS, `${at}.kind`, location.kind),
    aisle: notNegative(`${at}.aisle`, location.aisle),
    bay: notNegative(`${at}.bay`, location.bay),
    level: notNegative(`${at}.level`, location.level),
    pick_sequence: notNegative(`${at}.pick_sequence`, location.pickSequence),
  };
}

function parseListing(listing: Listing, index: number) {
  const at = `listings[${index}]`;
  const measure = (field: string, value: number) =>
    value === 0 ? null : requiredMeasure(`${at}.${field}`, value);
  return {
    listing_id: requiredId(`${at}.listing_id`, listing.listingId),
    sku: requiredText(`${at}.sku`, listing.sku, 128),
    name: text(`${at}.name`, listing.name, 500),
    barcodes: listing.barcodes.map((barcode, nth) => requiredText(`${at}.barcodes[${nth}]`, barcode, 128)),
    weight: measure("weight", listing.weight),
    length: measure("length", listing.length),
    width: measure("width", listing.width),
    height: measure("height", listing.height),
    removal_strategy: parseStrategy(`${at}.removal_strategy`, listing.removalStrategy),
  };
}

function parseStrategy(field: string, value: RemovalStrategy): words.RemovalStrategy {
  return value === RemovalStrategy.UNSPECIFIED ? "fifo" : parseWord(STRATEGIES, field, value);
}

function notNegative(field: string, value: number): number {
  if (value < 0) throw invalidField(field, `must be 0 or more, not ${value}`);
  return value;
}

function warehouseMessage(row: WarehouseRow) {
  return {
    id: row.id,
    code: row.code,
    name: row.name,
    priority: row.priority,
    address: addressMessage(row.address),
    ...(row.gs1_company_prefix === null ? {} : { gs1CompanyPrefix: row.gs1_company_prefix }),
    createdAt: timestampFromDate(row.created_at),
    updatedAt: timestampFromDate(row.updated_at),
  };
}

function locationMessage(row: LocationRow) {
  return {
    id: row.id,
    warehouseId: row.warehouse_id,
    code: row.code,
    barcode: row.barcode,
    zoneCode: row.zone_code,
    kind: KINDS[row.kind],
    aisle: row.aisle,
    bay: row.bay,
    level: row.level,
    pickSequence: row.pick_sequence,
    createdAt: timestampFromDate(row.created_at),
    updatedAt: timestampFromDate(row.updated_at),
  };
}

function listingMessage(row: ListingRow) {
  return {
    listingId: row.listing_id,
    sku: row.sku,
    name: row.name,
    barcodes: row.barcodes,
    weight: row.weight ?? 0,
    length: row.length ?? 0,
    width: row.width ?? 0,
    height: row.height ?? 0,
    removalStrategy: STRATEGIES[row.removal_strategy],
    createdAt: timestampFromDate(row.created_at),
    updatedAt: timestampFromDate(row.updated_at),
  };
}
