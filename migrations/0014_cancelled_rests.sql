-- A picking item that was picked in part and then left is picked, once its customer doesn't want the rest any more.
insert into state_transitions (machine, action, from_status, to_status) values
  ('picking_task_item', 'cancel_rest', 'short', 'picked'),
  ('picking_task_item', 'cancel_rest', 'skipped', 'picked');
