-- Store the counted number of used slots of customers.
-- Upholds segments_slots_within_bounds; the caller locks the range of the customers.
INSERT INTO segments_customerslots (customer_id, used)
SELECT * FROM unnest(%(customers)s::bigint[], %(counted)s::smallint[]) ORDER BY 1
ON CONFLICT (customer_id) DO UPDATE SET used = excluded.used
