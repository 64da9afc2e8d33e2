-- Carriers, shipments, packages, labels and what carriers say of them.

create table carriers (
  code text primary key check (code <> ''),
  name text not null,
  contact_information jsonb not null default '{}',
  created_at timestamptz not null default now()
);

insert into carriers (code, name) values ('mock', 'Mock carrier (simulated)');

create table shipments (
  id bigint generated always as identity primary key,
  order_id bigint not null references orders (order_id),
  fulfillment_id bigint references fulfillments (id),
  warehouse_id bigint references warehouses (id),
  carrier_code text not null,
  service text not null default '',
  tracking_number text,
  status text not null default 'ready',
  label_status text not null default 'none',
  channel_sync_status text not null default 'pending',
  ship_to jsonb not null default '{}',
  label_url text,
  estimated_delivery_date date,
  shipped_at timestamptz,
  delivered_at timestamptz,
  cancelled_at timestamptz,
  cancellation_reason text,
  last_polled_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint shipments_status_check check (status in ('ready', 'shipped', 'in_transit', 'out_for_delivery', 'delivered',
    'available_for_pickup', 'exception', 'returned', 'lost', 'cancelled')),
  constraint shipments_label_status_check check (label_status in ('none', 'requested', 'created', 'failed', 'voided')),
  constraint shipments_channel_sync_status_check check (channel_sync_status in ('pending', 'tracking_updated', 'failed')),
  constraint shipments_shipped_check check (status in ('ready', 'cancelled') or shipped_at is not null),
  constraint shipments_delivered_check check (status <> 'delivered' or delivered_at is not null),
  constraint shipments_cancelled_check check ((status = 'cancelled') = (cancelled_at is not null))
) with (fillfactor = 80);

create index shipments_order_idx on shipments (order_id);
create index shipments_fulfillment_idx on shipments (fulfillment_id);
create index shipments_tracking_idx on shipments (tracking_number) where tracking_number is not null;
-- Carriers recycle numbers, so a number is taken only while its parcel is under way.
create unique index shipments_live_tracking_key on shipments (carrier_code, tracking_number)
  where tracking_number is not null and status not in ('delivered', 'returned', 'lost', 'cancelled');
create index shipments_polling_idx on shipments (carrier_code, last_polled_at)
  where status in ('ready', 'shipped', 'in_transit', 'out_for_delivery', 'available_for_pickup', 'exception');

create table packages (
  id bigint generated always as identity primary key,
  packing_task_id bigint references packing_tasks (id),
  shipment_id bigint references shipments (id),
  sequence_number integer not null check (sequence_number > 0),
  packaging_type text not null,
  weight numeric(12, 3) not null,
  length numeric(12, 3) not null,
  width numeric(12, 3) not null,
  height numeric(12, 3) not null,
  barcode text,
  tracking_number text,
  label_url text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint packages_owner_check check (packing_task_id is not null or shipment_id is not null),
  constraint packages_packaging_check check (packaging_type in ('box', 'bag', 'envelope', 'pallet', 'custom')),
  constraint packages_dimensions_check check (weight > 0 and length > 0 and width > 0 and height > 0)
);

create unique index packages_task_sequence_key on packages (packing_task_id, sequence_number) where packing_task_id is not null;
create index packages_shipment_idx on packages (shipment_id);
create index packages_tracking_idx on packages (tracking_number) where tracking_number is not null;

create table package_items (
  package_id bigint not null references packages (id),
  packing_task_item_id bigint not null references packing_task_items (id),
  quantity integer not null check (quantity > 0),
  primary key (package_id, packing_task_item_id)
);

-- The bytes that were bought. Printing again reads them; nothing ever buys twice.
create table package_labels (
  package_id bigint not null references packages (id),
  format text not null,
  content_type text not null,
  data bytea not null,
  created_at timestamptz not null default now(),
  primary key (package_id, format),
  constraint package_labels_format_check check (format in ('zpl', 'pdf', 'png'))
);

create table shipment_items (
  id bigint generated always as identity primary key,
  shipment_id bigint not null references shipments (id),
  order_item_id bigint not null references order_items (id),
  listing_id bigint not null,
  quantity integer not null check (quantity > 0),
  package_id bigint references packages (id)
);

create index shipment_items_shipment_idx on shipment_items (shipment_id);

create table shipment_events (
  id bigint generated always as identity primary key,
  shipment_id bigint not null references shipments (id),
  event_type text not null,
  payload_json jsonb not null default '{}',
  created_at timestamptz not null default now(),
  constraint shipment_events_type_check check (event_type in ('SHIPMENT_CREATED', 'LABEL_CREATED', 'LABEL_FAILED',
    'LABEL_VOIDED', 'TRACKING_ASSIGNED', 'STATUS_UPDATED', 'DELIVERED_CONFIRMED', 'SHIPMENT_CANCELLED'))
);

create index shipment_events_shipment_idx on shipment_events (shipment_id, id);

create table tracking_events (
  id bigint generated always as identity primary key,
  shipment_id bigint not null references shipments (id),
  package_id bigint references packages (id),
  carrier_code text not null,
  tracking_number text not null,
  status text not null, -- normalised; the carrier's own code and text stand beside it
  raw_code text not null default '',
  description text not null default '',
  location text not null default '',
  occurred_at timestamptz not null,
  recorded_at timestamptz not null default now(),
  source text not null,
  dedupe_key text not null,
  constraint tracking_events_status_check check (status in ('label_created', 'in_transit', 'out_for_delivery',
    'available_for_pickup', 'delivery_attempted', 'delivered', 'exception', 'return_to_sender', 'returned', 'lost',
    'cancelled', 'unknown')),
  constraint tracking_events_source_check check (source in ('poll', 'webhook', 'manual')),
  unique (shipment_id, dedupe_key)
);

create index tracking_events_shipment_idx on tracking_events (shipment_id, occurred_at, id);

create trigger shipment_events_append_only before update or delete on shipment_events
  for each row execute function refuse_change();
create trigger tracking_events_append_only before update or delete on tracking_events
  for each row execute function refuse_change();

create table api_calls (
  call_id bigint generated always as identity primary key,
  service text not null,
  endpoint text not null,
  related_id text not null default '',
  request_payload jsonb,
  response_body text,
  status_code integer,
  is_success boolean not null,
  duration_ms integer not null default 0,
  attempt integer not null default 1,
  created_at timestamptz not null default now()
);

create index api_calls_related_idx on api_calls (related_id, call_id);

insert into state_transitions (machine, action, from_status, to_status)
select machine, action, from_status, to_status from (values
  ('shipment', 'hand_over', array['ready'], 'shipped'),
  ('shipment', 'move', array['ready', 'shipped', 'out_for_delivery', 'available_for_pickup', 'exception'], 'in_transit'),
  ('shipment', 'go_out', array['ready', 'shipped', 'in_transit', 'available_for_pickup', 'exception'], 'out_for_delivery'),
  ('shipment', 'offer_pickup', array['ready', 'shipped', 'in_transit', 'out_for_delivery', 'exception'], 'available_for_pickup'),
  ('shipment', 'fail', array['ready', 'shipped', 'in_transit', 'out_for_delivery', 'available_for_pickup'], 'exception'),
  ('shipment', 'deliver', array['ready', 'shipped', 'in_transit', 'out_for_delivery', 'available_for_pickup', 'exception'], 'delivered'),
  ('shipment', 'return', array['ready', 'shipped', 'in_transit', 'out_for_delivery', 'available_for_pickup', 'exception'], 'returned'),
  ('shipment', 'lose', array['shipped', 'in_transit', 'out_for_delivery', 'available_for_pickup', 'exception'], 'lost'),
  ('shipment', 'find', array['lost'], 'delivered'),
  ('shipment', 'take_back', array['delivered', 'lost'], 'returned'),
  ('shipment', 'cancel', array['ready'], 'cancelled')
) as edge (machine, action, from_statuses, to_status), unnest(from_statuses) as from_status;

create trigger shipments_transition before update of status on shipments
  for each row when (old.status is distinct from new.status) execute function enforce_state_transition('shipment');

insert into state_transitions (machine, action, from_status, to_status) values
  ('label', 'request', 'none', 'requested'),
  ('label', 'request', 'failed', 'requested'),
  ('label', 'create', 'requested', 'created'),
  ('label', 'fail', 'requested', 'failed'),
  ('label', 'void', 'none', 'voided'),
  ('label', 'void', 'requested', 'voided'),
  ('label', 'void', 'failed', 'voided'),
  ('label', 'void', 'created', 'voided');

create function enforce_label_transition() returns trigger language plpgsql as $$
begin
  if not exists (
    select from state_transitions
    where machine = 'label' and from_status = old.label_status and to_status = new.label_status
  ) then
    raise exception 'label cannot go from % to %', old.label_status, new.label_status
      using errcode = 'check_violation', constraint = 'shipments_label_transition_check', table = tg_table_name;
  end if;
  return new;
end $$;

create trigger shipments_label_transition before update of label_status on shipments
  for each row when (old.label_status is distinct from new.label_status) execute function enforce_label_transition();

-- Where order status is reported to. A row per channel that this installation has; none: events only.
create table channels (
  code text primary key check (code <> ''),
  created_at timestamptz not null default now()
);
