-- Writes how many slots customers use, as they were counted.
-- Upholds segments_slots_within_bounds; the caller holds the lock of the customers' stripe.
INSERT INTO segments_customerslots (customer_id, used)
SELECT * FROM unnest(%(customers)s::bigint[], %(counted)s::smallint[]) ORDER BY 1
ON CONFLICT (customer_id) DO UPDATE SET used = excluded.used
