-- Delete the refused attempts of a range of transactions that are older than an ID, and return whether newer events are among them.
-- Upholds no constraint; sums of refused attempts stay, and no other event is deleted.
WITH deleted AS (
    DELETE FROM redemptions_event
    WHERE tx >= %(tx)s AND tx < %(until)s AND id < %(before)s::uuid AND type = 'redemption.rejected'
    RETURNING 1
)
SELECT (SELECT count(*) FROM deleted) AS deleted,
    EXISTS (SELECT FROM redemptions_event WHERE tx >= %(tx)s AND tx < %(until)s AND id >= %(before)s::uuid) AS has_newer
