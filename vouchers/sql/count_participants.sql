-- First logins by minute, of the newest of a campaign: the last minutes in which anybody came.
-- Upholds no constraint: it writes nothing.
SELECT date_trunc('minute', newest.at) AS minute, count(*) AS logins
FROM (
    SELECT at FROM vouchers_firstlogin WHERE campaign_id = %(campaign)s ORDER BY arrived DESC LIMIT %(newest)s
) newest
GROUP BY 1
ORDER BY 1 DESC
LIMIT %(minutes)s
