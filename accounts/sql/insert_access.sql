-- Append a sign-in, a read or an export to the audit log, with who does it and from where, which the context says.
-- Upholds no constraint.
INSERT INTO accounts_accessevent (pgh_created_at, pgh_label, pgh_obj_id, pgh_context_id, brand_id, customer_id, subject)
VALUES (now(), %(label)s, %(user)s, _pgh_attach_context(), %(brand)s, %(customer)s, %(subject)s)
