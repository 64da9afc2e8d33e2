-- The outbox by days, so that old events go by dropping a table; where each event went, so that what Redis loses can be
-- found and published again; and one row that says who may publish.

alter table outbox rename to outbox_before;
alter index outbox_pkey rename to outbox_before_pkey;
alter index outbox_unpublished_idx rename to outbox_before_unpublished_idx;

-- Its own sequence: partitioned tables have no identity columns before PostgreSQL 17.
create sequence outbox_positions;
select setval('outbox_positions', last_value, is_called) from outbox_position_seq;

create table outbox (
  position bigint not null default nextval('outbox_positions'),
  id uuid not null default gen_random_uuid(),
  stream text not null,
  aggregatetype text not null,
  aggregateid text not null,
  sequence bigint not null, -- per aggregate, in commit order
  type text not null,
  payload jsonb not null, -- flat: string to string
  -- The moment of the insert, under the aggregate's lock: so an aggregate's events come into the days in its order.
  created_at timestamptz not null default clock_timestamp(),
  published_at timestamptz,
  batch bigint, -- the relay's round that published it; rounds are numbered in the order that Redis got them
  entry_id text, -- in its stream
  primary key (position, created_at)
) partition by range (created_at);

alter sequence outbox_positions owned by outbox.position;

create index outbox_unpublished_idx on outbox (position) where published_at is null;
create index outbox_batch_idx on outbox (batch) where batch is not null;
-- Redriven messages, of which somebody asks whether they are done.
create index outbox_redriven_idx on outbox (aggregateid) where aggregatetype = 'dead_letter';

-- A day's table is made ahead of time. Should there be none, the day's events go here.
create table outbox_default partition of outbox default;

-- What was published without a number gets one below all others, and its entry ids are not known.
insert into outbox (position, id, stream, aggregatetype, aggregateid, sequence, type, payload, created_at, published_at, batch)
select position, id, stream, aggregatetype, aggregateid, sequence, type, payload, created_at, published_at,
  case when published_at is not null then position / 500 - 1000000000000 end
from outbox_before;

drop table outbox_before;

create table relay_leader (
  only_one boolean primary key default true check (only_one),
  epoch bigint not null default 0, -- grows with each leader, who may write only while it is his
  batch bigint not null default 0 -- the last round that was marked here
);

insert into relay_leader default values;

-- Where an error came from, for whoever mends it.
alter table dead_letters add column trace text not null default '';
