-- Lists of orders show the newest first, by arrival: ids come from several sellers and don't tell which is newer.
create index orders_status_arrival_idx on orders (status, arrival);
drop index orders_status_idx;
