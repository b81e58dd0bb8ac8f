-- Record the consents that a new user gives to brands, with their texts. Records none if there is no such user.
-- Upholds accounts_profile_once_per_brand and accounts_consent_once_at_a_time.
WITH given AS (
    SELECT * FROM unnest(%(brands)s::uuid[], %(wordings)s::text[]) AS given (brand_id, wording)
),
profile AS (
    INSERT INTO accounts_customerprofile (
        brand_id, customer_id, name, email, language, attributes, marketing_consent, updated_at
    )
    SELECT given.brand_id, customer.id, '', '', '', '{}', true, %(at)s
    FROM given
    CROSS JOIN accounts_user AS owner
    JOIN accounts_customer AS customer ON customer.user_id = owner.id
    WHERE owner.uuid = %(user)s
    ON CONFLICT DO NOTHING
    RETURNING id, brand_id
)
INSERT INTO accounts_consent (profile_id, granted, wording, purpose, origin, decided_at)
SELECT profile.id, true, given.wording, %(purpose)s, %(origin)s, %(at)s
FROM profile
JOIN given ON given.brand_id = profile.brand_id
