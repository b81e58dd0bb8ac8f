-- Insert the customer of the user with a UUID. Inserts none if there is no such user, or the user has one.
-- Upholds accounts_customer_customer_id_key and the unique index of accounts_customer.user_id.
INSERT INTO accounts_customer (customer_id, user_id)
SELECT 'u-' || uuid, id FROM accounts_user WHERE uuid = %(user)s
ON CONFLICT DO NOTHING
