import { type AlertRule, DAY, HOUR, MINUTE } from "./alert-rule.ts";

/** Shipments that wait for a human, or for a word of their carriers'. */
export const PARCEL_RULES: readonly AlertRule[] = [
  {
    name: "label_failed",
    severity: "warning",
    value: "age",
    threshold: 0,
    question: `
      select jsonb_build_object('shipment_id', s.id::text, 'order_id', s.order_id::text, 'carrier_code', s.carrier_code)
          as labels, coalesce(told.created_at, s.updated_at) as since,
        format('shipment %s of order %s gets no label from %s (%s)', s.id, s.order_id, s.carrier_code,
          left(coalesce(told.payload_json ->> 'error', 'no reason is known'), 200)) as summary
      from shipments s left join lateral (
        select created_at, payload_json from shipment_events e
        where e.shipment_id = s.id and event_type = 'LABEL_FAILED' order by id desc limit 1) told on true
      where s.label_status = 'failed' and s.status = 'ready'`,
  },
  {
    name: "label_in_doubt",
    severity: "warning",
    value: "age",
    threshold: 0,
    question: `
      select jsonb_build_object('shipment_id', id::text, 'order_id', order_id::text, 'carrier_code', carrier_code)
          as labels, updated_at as since,
        format('nobody knows whether %s sold the label of shipment %s (order %s)', carrier_code, id, order_id) as summary
      from shipments where label_status = 'needs_review'`,
  },
  {
    name: "label_late",
    severity: "warning",
    value: "age",
    threshold: HOUR,
    question: `
      select jsonb_build_object('shipment_id', id::text, 'order_id', order_id::text, 'carrier_code', carrier_code)
          as labels, updated_at as since,
        format('shipment %s of order %s waits for its label from %s', id, order_id, carrier_code) as summary
      from shipments where label_status = 'requested' and status = 'ready' and updated_at < $before`,
  },
  {
    name: "label_not_voided",
    severity: "warning",
    value: "age",
    threshold: 0,
    question: `
      select jsonb_build_object('shipment_id', shipment_id::text, 'carrier_code', carrier_code, 'reference', reference,
          'tracking_numbers', array_to_string(tracking_numbers, ',')) as labels, ended_at as since,
        format('%s does not take back the label of shipment %s (%s)', carrier_code, shipment_id, left(error, 200)) as summary
      from label_attempts where status = 'unwanted' and ended_at > now() - interval '30 days'`,
  },
  {
    // Somebody has said so, or a carrier has, and the shelves know nothing of it: stock and order are behind the parcel.
    name: "shipment_of_unpacked_goods",
    severity: "warning",
    value: "age",
    threshold: HOUR,
    question: `
      select jsonb_build_object('shipment_id', s.id::text, 'order_id', s.order_id::text, 'fulfillment_id', f.id::text)
          as labels, s.shipped_at as since,
        format('shipment %s of order %s is %s, but its goods were never packed (fulfillment %s is %s)', s.id, s.order_id,
          s.status, f.id, f.status) as summary
      from shipments s join fulfillments f on f.id = s.fulfillment_id
      where s.status not in ('ready', 'cancelled') and f.status not in ('ready', 'shipped', 'completed', 'cancelled')
        and s.shipped_at < $before`,
  },
  {
    name: "channel_sync_failed",
    severity: "warning",
    value: "age",
    threshold: 0,
    question: `
      select jsonb_build_object('shipment_id', id::text, 'order_id', order_id::text) as labels,
        updated_at as since,
        format('the sales channel did not take the tracking of shipment %s (order %s)', id, order_id) as summary
      from shipments where channel_sync_status = 'failed'`,
  },
  {
    name: "shipment_silent",
    severity: "warning",
    value: "age",
    threshold: 2 * DAY,
    question: `
      select jsonb_build_object('shipment_id', id::text, 'order_id', order_id::text, 'carrier_code', carrier_code,
          'tracking_number', tracking_number) as labels, shipped_at as since,
        format('%s has said nothing of shipment %s (number %s), handed over', carrier_code, id, tracking_number) as summary
      from shipments s
      where status = 'shipped' and shipped_at < $before
        and not exists (select from tracking_events t where t.shipment_id = s.id and t.status <> 'label_created')`,
  },
  {
    name: "shipment_exception",
    severity: "warning",
    value: "age",
    threshold: DAY,
    question: `
      select jsonb_build_object('shipment_id', id::text, 'order_id', order_id::text, 'carrier_code', carrier_code,
          'tracking_number', tracking_number) as labels, updated_at as since,
        format('%s reports trouble with shipment %s (number %s), and nothing better', carrier_code, id, tracking_number)
          as summary
      from shipments where status = 'exception' and updated_at < $before`,
  },
  {
    // Its status stays, for a final word is not taken back; so this is where somebody learns of it.
    name: "delivery_reversed",
    severity: "warning",
    value: "age",
    threshold: 0,
    question: `
      select jsonb_build_object('shipment_id', s.id::text, 'order_id', s.order_id::text, 'carrier_code', s.carrier_code,
          'tracking_number', t.tracking_number, 'raw_code', t.raw_code) as labels, t.recorded_at as since,
        format('%s takes back that shipment %s (number %s) was delivered, with code %s: ask what became of it',
          s.carrier_code, s.id, t.tracking_number, t.raw_code) as summary
      from tracking_events t join shipments s on s.id = t.shipment_id
      where t.is_unmapped and t.status = 'exception' and t.recorded_at > now() - interval '14 days'
        and s.status = 'delivered'
        and exists (select from tracking_events d
          where d.shipment_id = s.id and d.status = 'delivered' and d.occurred_at <= t.occurred_at)
        and not exists (select from tracking_events d
          where d.shipment_id = s.id and d.status = 'delivered' and d.occurred_at > t.occurred_at)`,
  },
  {
    name: "shipment_unfinished",
    severity: "warning",
    value: "age",
    threshold: 60 * DAY, // polling ends then
    question: `
      select jsonb_build_object('shipment_id', id::text, 'order_id', order_id::text, 'carrier_code', carrier_code,
          'tracking_number', tracking_number) as labels, coalesce(shipped_at, created_at) as since,
        format('shipment %s (number %s of %s) came to no end, and %s is asked about it no more', id, tracking_number,
          carrier_code, carrier_code) as summary
      from shipments
      where status in ('ready', 'shipped', 'in_transit', 'out_for_delivery', 'available_for_pickup', 'exception')
        and tracking_number is not null and coalesce(shipped_at, created_at) < $before`,
  },
  {
    name: "webhook_stuck",
    severity: "warning",
    value: "age",
    threshold: 10 * MINUTE,
    question: `
      select jsonb_build_object('carrier_code', carrier_code) as labels, min(received_at) as since,
        format('%s deliveries of %s were taken in, and can''t be worked in', count(*), carrier_code) as summary
      from webhook_deliveries where processed_at is null and received_at < $before group by carrier_code`,
  },
  {
    name: "tracking_unmapped",
    severity: "warning",
    value: "count",
    threshold: 0,
    question: `
      select jsonb_build_object('carrier_code', carrier_code, 'raw_code', raw_code) as labels, count(*) as value,
        min(recorded_at) as since,
        format('code "%s" of %s means nothing to us; it came %s times in a day', left(raw_code, 100), carrier_code, count(*))
          as summary
      from tracking_events where is_unmapped and recorded_at > now() - interval '1 day'
      group by carrier_code, raw_code having count(*) > $threshold`,
  },
];
