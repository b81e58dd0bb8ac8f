-- Select campaigns whose counter differs from their vouchers or first logins, with the counts.
-- Upholds no constraint; writes nothing.
SELECT c.id, c.slug, n.quota, n.issued, v.vouchers, v.highest, v.widest, f.logins
FROM vouchers_campaign c
JOIN vouchers_campaigncounter n ON n.campaign_id = c.id
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE passed_on_to IS NULL) AS vouchers, coalesce(max(rank), 0) AS highest, coalesce(max(quota), 0) AS widest
    FROM vouchers_voucher WHERE campaign_id = c.id
) v
CROSS JOIN LATERAL (SELECT count(*) AS logins FROM vouchers_firstlogin WHERE campaign_id = c.id) f
WHERE n.issued <> v.vouchers OR v.highest <> v.vouchers OR v.widest > n.quota OR (c.decision = 'published' AND v.vouchers < least(n.quota, f.logins))
ORDER BY c.id
