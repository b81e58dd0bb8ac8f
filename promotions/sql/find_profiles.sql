-- Return the pricing profiles of the brands; a brand with the defaults is absent.
-- Upholds no constraint: it writes nothing.
SELECT brand_id, rounding, round_on, remainder, percent_base, free_units, return_cancelled_uses, budget_overrun
FROM promotions_pricingprofile WHERE brand_id = ANY(%(brands)s)
