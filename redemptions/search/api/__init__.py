"""API of the search of redemptions."""
