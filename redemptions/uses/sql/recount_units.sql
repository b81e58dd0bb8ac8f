-- Select units of pools that no use has, and uses that lack their unit.
-- Upholds redemptions_limitunit_pkey: finds units that don't match the uses.
WITH live AS (
    SELECT u.promotion_id AS owner, (c ->> 2)::integer AS number, u.redemption_id
    FROM promotions_promotionuse u CROSS JOIN LATERAL jsonb_array_elements(u.counters) AS c
    WHERE u.promotion_id = ANY(%(offers)s::uuid[]) AND c ->> 0 = 'total:pool' AND c ->> 3 <> '0'
), used AS (
    SELECT owner, number, redemption_id FROM redemptions_limitunit
    WHERE owner = ANY(%(offers)s::uuid[]) AND redemption_id IS NOT NULL
)
SELECT owner, number, redemption_id, live.owner IS NOT NULL AS is_active
FROM live FULL JOIN used USING (owner, number, redemption_id)
WHERE live.owner IS NULL OR used.owner IS NULL
ORDER BY owner, number
