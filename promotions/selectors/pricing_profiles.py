"""Reads of the brands' pricing profiles."""

import uuid
from collections.abc import Collection

from core import db
from pricing import Profile


def get_pricing_profile(brand_ids: Collection[uuid.UUID]) -> Profile:
    """Return the pricing profile of the one brand whose offers apply, or the default for none or several brands."""
    return next(iter(get_pricing_profiles(brand_ids).values())) if len(brand_ids) == 1 else Profile()


def get_pricing_profiles(brand_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Profile]:
    """Return the pricing profile of each brand, the default for a brand without one. Runs one query."""
    rows = db.fetch_all("promotions/sql/find_profiles.sql", {"brands": list(brand_ids)})
    profiles = {row.pop("brand_id"): Profile(**row) for row in rows}
    return {brand_id: profiles.get(brand_id, Profile()) for brand_id in brand_ids}
