-- Catalogue, places and stock. Quantities are whole base units; weights kg, lengths cm.

-- Legal status changes, one row an edge. Filled beside each table below; src/domain/machines declares the same
-- edges for the guard in code, and a test compares the two.
create table state_transitions (
  machine text not null,
  action text not null,
  from_status text not null,
  to_status text not null,
  primary key (machine, action, from_status, to_status)
);

create function enforce_state_transition() returns trigger language plpgsql as $$
begin
  if not exists (
    select from state_transitions
    where machine = tg_argv[0] and from_status = old.status and to_status = new.status
  ) then
    raise exception '% cannot go from % to %', tg_argv[0], old.status, new.status
      using errcode = 'check_violation', constraint = tg_table_name || '_transition_check', table = tg_table_name;
  end if;
  return new;
end $$;

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% is append-only: % is refused', tg_table_name, tg_op
    using errcode = 'integrity_constraint_violation', constraint = tg_table_name || '_append_only', table = tg_table_name;
end $$;

create table warehouses (
  id bigint generated always as identity primary key,
  code text not null unique check (code <> ''),
  name text not null,
  priority integer not null default 100, -- the lower number is tried first
  address jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table zones (
  id bigint generated always as identity primary key,
  warehouse_id bigint not null references warehouses (id),
  code text not null check (code <> ''),
  created_at timestamptz not null default now(),
  unique (warehouse_id, code)
);

create table locations (
  id bigint generated always as identity primary key,
  warehouse_id bigint not null references warehouses (id),
  zone_id bigint references zones (id),
  code text not null check (code <> ''),
  barcode text not null check (barcode <> ''),
  kind text not null default 'bin',
  aisle integer not null default 0,
  bay integer not null default 0,
  level integer not null default 0,
  pick_sequence integer not null default 0, -- 0: the route follows aisle and bay
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint locations_kind_check check (kind in ('bin', 'put_back', 'quarantine')),
  unique (warehouse_id, code),
  unique (warehouse_id, barcode)
);

create table listings (
  listing_id bigint primary key check (listing_id > 0), -- the Listings service's own id
  sku text not null,
  name text not null default '',
  barcodes text[] not null default '{}',
  weight numeric(12, 3) check (weight >= 0),
  length numeric(12, 3) check (length >= 0),
  width numeric(12, 3) check (width >= 0),
  height numeric(12, 3) check (height >= 0),
  removal_strategy text not null default 'fifo',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint listings_removal_strategy_check check (removal_strategy in ('fifo', 'fefo', 'lifo'))
) with (fillfactor = 80);

create table product_locations (
  id bigint generated always as identity primary key,
  listing_id bigint not null references listings (listing_id),
  warehouse_id bigint not null references warehouses (id),
  location_id bigint not null references locations (id),
  quantity integer not null,
  reserved_quantity integer not null default 0,
  available_quantity integer not null generated always as (quantity - reserved_quantity) stored,
  received_at timestamptz not null default now(),
  lot_code text,
  expires_on date,
  -- Goods in put-back and quarantine places are counted but never promised.
  for_sale boolean not null,
  -- The allocation index hangs on this flag and not on the quantities, so that reserving and picking stay HOT updates.
  allocatable boolean not null generated always as (for_sale and quantity > 0) stored,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint product_locations_quantity_check check (quantity >= 0),
  constraint product_locations_reserved_check check (reserved_quantity >= 0 and reserved_quantity <= quantity),
  constraint product_locations_not_for_sale_check check (for_sale or reserved_quantity = 0),
  constraint product_locations_lot_key
    unique nulls not distinct (location_id, listing_id, received_at, lot_code, expires_on)
) with (fillfactor = 80);

create index product_locations_allocation_idx on product_locations (listing_id, received_at, id) where allocatable;

-- The double-entry ledger: every row takes from one place and gives to another.
create table inventory_movements (
  id bigint generated always as identity primary key,
  listing_id bigint not null references listings (listing_id),
  warehouse_id bigint not null references warehouses (id),
  quantity integer not null,
  from_place text not null,
  from_product_location_id bigint references product_locations (id),
  to_place text not null,
  to_product_location_id bigint references product_locations (id),
  reason text not null,
  order_id bigint,
  reference text,
  occurred_at timestamptz not null default now(),
  constraint inventory_movements_quantity_check check (quantity > 0),
  constraint inventory_movements_from_check check (
    from_place in ('shelf', 'supplier', 'packing', 'customer', 'loss')
    and (from_place = 'shelf') = (from_product_location_id is not null)),
  constraint inventory_movements_to_check check (
    to_place in ('shelf', 'supplier', 'packing', 'customer', 'loss')
    and (to_place = 'shelf') = (to_product_location_id is not null)),
  constraint inventory_movements_two_places_check check (
    (from_place, from_product_location_id) is distinct from (to_place, to_product_location_id))
);

create index inventory_movements_listing_idx on inventory_movements (listing_id, id);
create index inventory_movements_order_idx on inventory_movements (order_id, id) where order_id is not null;

create trigger inventory_movements_append_only before update or delete on inventory_movements
  for each row execute function refuse_change();
create trigger inventory_movements_no_truncate before truncate on inventory_movements
  for each statement execute function refuse_change();
