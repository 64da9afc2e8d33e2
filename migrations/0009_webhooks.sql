-- What carriers' hosts send us, and when we ask them.

-- Deliveries that were found genuine, as they were read: taken in at once, worked in soon after, kept so that a repeated
-- one is known.
create table webhook_deliveries (
  id bigint generated always as identity primary key,
  carrier_code text not null,
  delivery_key text not null, -- the carrier's own id, or a hash of the bytes
  facts jsonb not null,
  received_at timestamptz not null default now(),
  claimed_at timestamptz, -- somebody is working it in; after a while nobody is any more
  processed_at timestamptz,
  unique (carrier_code, delivery_key)
) with (fillfactor = 80);

create index webhook_deliveries_waiting_idx on webhook_deliveries (id) where processed_at is null;
create index webhook_deliveries_processed_idx on webhook_deliveries (processed_at) where processed_at is not null;

-- Facts about numbers that no shipment travels under: a carrier may be faster than the answer that gives us the number.
create table parked_facts (
  id bigint generated always as identity primary key,
  carrier_code text not null,
  tracking_number text not null,
  dedupe_key text not null,
  fact jsonb not null,
  is_due boolean not null default false, -- a shipment got the number since
  parked_at timestamptz not null default now(),
  unique (carrier_code, dedupe_key)
);

create index parked_facts_number_idx on parked_facts (tracking_number);
create index parked_facts_due_idx on parked_facts (id) where is_due;
create index parked_facts_parked_idx on parked_facts (parked_at);

create function wake_parked_facts() returns trigger language plpgsql as $$
begin
  update parked_facts set is_due = true where tracking_number = new.tracking_number and not is_due;
  return null;
end $$;

create trigger shipments_wake_parked_facts after insert or update of tracking_number, carrier_code on shipments
  for each row when (new.tracking_number is not null) execute function wake_parked_facts();
create trigger packages_wake_parked_facts after insert or update of tracking_number on packages
  for each row when (new.tracking_number is not null) execute function wake_parked_facts();

-- When a shipment's carrier is asked about it again; null: never any more.
alter table shipments add column next_poll_at timestamptz default now();

drop index shipments_polling_idx;
create index shipments_polling_idx on shipments (carrier_code, next_poll_at)
  where tracking_number is not null
    and status in ('ready', 'shipped', 'in_transit', 'out_for_delivery', 'available_for_pickup', 'exception');

-- A carrier's share of calls for polling, and until when it is left alone.
create table carrier_polling (
  carrier_code text primary key,
  paused_until timestamptz not null default '-infinity',
  failures integer not null default 0, -- in a row
  window_began_at timestamptz not null default now(),
  window_calls integer not null default 0
);

-- Codes that no status map knows, apart from those that are known to say nothing of where a parcel is.
alter table tracking_events add column is_unmapped boolean not null default false;
drop index tracking_events_unknown_idx;
create index tracking_events_unmapped_idx on tracking_events (recorded_at) where is_unmapped;

-- Shipments that come to no end.
create index shipments_unfinished_idx on shipments (coalesce(shipped_at, created_at))
  where tracking_number is not null
    and status in ('ready', 'shipped', 'in_transit', 'out_for_delivery', 'available_for_pickup', 'exception');
