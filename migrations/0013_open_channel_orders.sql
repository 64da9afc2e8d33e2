-- A marketplace's orders that were taken in and have not ended: looked through at every visit, for what was cancelled here.
create index channel_orders_taken_idx on channel_orders (channel)
  where taken_at is not null and ended_at is null and state not in ('shipped', 'cancelled');
