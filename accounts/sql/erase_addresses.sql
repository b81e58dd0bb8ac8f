-- Remove the addresses from contexts of the audit log.
-- Upholds no constraint.
UPDATE pghistory_context SET metadata = metadata - 'address' WHERE id = ANY(%(contexts)s::uuid[])
