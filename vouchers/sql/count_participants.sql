-- Count the latest first logins of a campaign by minute, for the last minutes that have any.
-- Upholds no constraint; writes nothing.
SELECT date_trunc('minute', newest.at) AS minute, count(*) AS logins
FROM (
    SELECT at FROM vouchers_firstlogin WHERE campaign_id = %(campaign)s ORDER BY arrived DESC LIMIT %(newest)s
) newest
GROUP BY 1
ORDER BY 1 DESC
LIMIT %(minutes)s
