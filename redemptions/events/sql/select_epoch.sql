-- Select the epoch of the event log, the server, the highest transaction number of an event, and the next one of the server.
-- Upholds no constraint; writes nothing.
SELECT redemptions_event_epoch() AS epoch, (SELECT system_identifier::text FROM pg_control_system()) AS server,
    coalesce((SELECT max(tx) FROM redemptions_event), 0) AS newest, pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS next_tx
