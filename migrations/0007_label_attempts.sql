-- Purchases of labels, each on record before the carrier is called; numbers that carriers let us give; calls to the
-- outside by months, so that old ones go by dropping a table.

alter table shipments drop constraint shipments_label_status_check;
alter table shipments add constraint shipments_label_status_check
  check (label_status in ('none', 'requested', 'created', 'failed', 'needs_review', 'voided'));

insert into state_transitions (machine, action, from_status, to_status) values
  ('label', 'review', 'requested', 'needs_review'),
  ('label', 'request', 'needs_review', 'requested'),
  ('label', 'create', 'needs_review', 'created'),
  ('label', 'number', 'needs_review', 'none'),
  ('label', 'void', 'needs_review', 'voided');

alter table shipment_events drop constraint shipment_events_type_check;
alter table shipment_events add constraint shipment_events_type_check check (event_type in ('SHIPMENT_CREATED',
  'LABEL_REQUESTED', 'LABEL_CREATED', 'LABEL_FAILED', 'LABEL_NEEDS_REVIEW', 'LABEL_VOIDED', 'TRACKING_ASSIGNED',
  'STATUS_UPDATED', 'DELIVERED_CONFIRMED', 'SHIPMENT_CANCELLED'));

-- One purchase of a shipment's labels, however often the carrier has to be called for it.
create table label_attempts (
  id bigint generated always as identity primary key,
  shipment_id bigint not null references shipments (id),
  carrier_code text not null,
  reference text not null, -- by which the carrier knows the purchase; the same whenever it is tried again
  status text not null default 'open',
  -- Whoever is at it holds the highest claim, until so-and-so by this clock. Who comes later, comes too late.
  claim integer not null default 0,
  claimed_until timestamptz,
  tries integer not null default 0,
  first_called_at timestamptz, -- the first call whose answer is not known; null: nothing is out
  last_called_at timestamptz,
  tracking_numbers text[] not null default '{}',
  carrier_reference text,
  error text,
  started_at timestamptz not null default clock_timestamp(),
  ended_at timestamptz,
  constraint label_attempts_status_check check (status in ('open', 'calling', 'bought', 'refused', 'in_doubt', 'dismissed',
    'unwanted', 'voided')),
  constraint label_attempts_calling_check check (status not in ('calling', 'in_doubt') or first_called_at is not null)
);

create index label_attempts_shipment_idx on label_attempts (shipment_id, id);
-- Two purchases of one shipment at once would be two labels.
create unique index label_attempts_live_key on label_attempts (shipment_id)
  where status in ('open', 'calling', 'bought', 'in_doubt');

-- What its carrier doesn't take back, for whoever asks for alerts.
create index label_attempts_kept_idx on label_attempts (ended_at) where status = 'unwanted' and ended_at is not null;

insert into state_transitions (machine, action, from_status, to_status)
select machine, action, from_status, to_status from (values
  ('label_attempt', 'call', array['open'], 'calling'),
  ('label_attempt', 'excuse', array['calling'], 'open'),
  ('label_attempt', 'buy', array['calling', 'in_doubt'], 'bought'),
  ('label_attempt', 'refuse', array['calling'], 'refused'),
  ('label_attempt', 'doubt', array['calling'], 'in_doubt'),
  ('label_attempt', 'dismiss', array['in_doubt'], 'dismissed'),
  ('label_attempt', 'drop', array['open', 'calling', 'bought', 'refused', 'in_doubt', 'dismissed'], 'unwanted'),
  ('label_attempt', 'give_back', array['unwanted'], 'voided')
) as edge (machine, action, from_statuses, to_status), unnest(from_statuses) as from_status;

create trigger label_attempts_transition before update of status on label_attempts
  for each row when (old.status is distinct from new.status) execute function enforce_state_transition('label_attempt');

-- What was bought before, and what may just be on its way, under the reference that it had.
insert into label_attempts (shipment_id, carrier_code, reference, status, first_called_at, last_called_at, tracking_numbers)
select s.id, coalesce(bought.payload_json ->> 'carrier_code', s.carrier_code), 'wms-' || s.id,
  case when s.label_status = 'created' then 'bought' when s.label_status = 'requested' then 'calling' else 'unwanted' end,
  s.updated_at, s.updated_at, coalesce(string_to_array(bought.payload_json ->> 'tracking_numbers', ','), '{}')
from shipments s left join lateral (
  select payload_json from shipment_events e
  where e.shipment_id = s.id and e.event_type = 'LABEL_CREATED' order by id desc limit 1) bought on true
where s.label_status in ('created', 'requested') or bought.payload_json is not null;

-- What stands on a label that we drew, so that it can be drawn in other formats.
alter table package_labels add column content jsonb;

-- Numbers that a carrier gave us to number parcels ourselves; the row is locked by whoever takes one.
create table carrier_number_ranges (
  name text primary key check (name <> ''),
  created_at timestamptz not null default now()
);

create table carrier_numbers (
  range_name text not null references carrier_number_ranges (name),
  key text not null, -- what it was taken for: the same again gets it again
  number bigint not null,
  taken_at timestamptz not null default now(),
  primary key (range_name, key),
  unique (range_name, number)
);

alter table api_calls rename to api_calls_before;
alter index api_calls_pkey rename to api_calls_before_pkey;
alter index api_calls_related_idx rename to api_calls_before_related_idx;

-- Its own sequence: partitioned tables have no identity columns before PostgreSQL 17.
create sequence api_call_ids;
select setval('api_call_ids', last_value, is_called) from api_calls_call_id_seq;

create table api_calls (
  call_id bigint not null default nextval('api_call_ids'),
  service text not null,
  endpoint text not null,
  related_id text not null default '',
  request_payload jsonb,
  response_body text,
  status_code integer,
  is_success boolean not null,
  duration_ms integer not null default 0,
  attempt integer not null default 1,
  created_at timestamptz not null default now(),
  primary key (call_id, created_at)
) partition by range (created_at);

alter sequence api_call_ids owned by api_calls.call_id;

create index api_calls_related_idx on api_calls (related_id, call_id);

-- A month's table is made ahead of time. Should there be none, the month's calls go here.
create table api_calls_default partition of api_calls default;

insert into api_calls (call_id, service, endpoint, related_id, request_payload, response_body, status_code, is_success,
  duration_ms, attempt, created_at)
select call_id, service, endpoint, related_id, request_payload, response_body, status_code, is_success, duration_ms,
  attempt, created_at
from api_calls_before;

drop table api_calls_before;
