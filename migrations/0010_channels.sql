-- Orders that come from marketplaces, and what marketplaces are told of them.

-- Orders of the Listings service bring their ids along; those of marketplaces get theirs here, from numbers that no other
-- producer reaches, and that are still exact where numbers are doubles.
create sequence channel_order_ids as bigint start 8000000000000000 minvalue 8000000000000000;

create table channel_orders (
  channel text not null,
  channel_order_id text not null,
  order_id bigint not null unique default nextval('channel_order_ids'),
  state text not null, -- the channel's, as last seen, in our words
  lines jsonb not null default '[]', -- what was taken: line_id, listing_id, quantity
  problem text, -- why it could not be taken yet; it is tried again
  taken_at timestamptz, -- it is an order of ours since then
  ended_at timestamptz, -- cancelled there, or shipped by somebody else: nothing more is to be taken of it
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (channel, channel_order_id),
  constraint channel_orders_state_check check (state in ('to_accept', 'waiting', 'to_ship', 'shipped', 'cancelled'))
);

create index channel_orders_open_idx on channel_orders (channel, updated_at) where taken_at is null and ended_at is null;

-- One row a channel: how far its orders were read, by its own clock.
create table channel_polls (
  channel text primary key,
  begun_at timestamptz not null,
  finished_at timestamptz,
  seen_until timestamptz
);

-- What a channel was told of a shipment. Tracking goes first; each step is tried by itself and done once.
create table channel_reports (
  shipment_id bigint not null references shipments (id),
  channel text not null,
  carrier_code text not null default '', -- what was sent last, so that a number that changes is sent again
  tracking_number text not null default '',
  tracking_attempts integer not null default 0,
  tracking_sent_at timestamptz,
  ship_attempts integer not null default 0,
  shipped_sent_at timestamptz,
  last_error text,
  failed_at timestamptz, -- the channel's no is final
  updated_at timestamptz not null default now(),
  primary key (shipment_id, channel)
);
