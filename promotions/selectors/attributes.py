"""Reads of the attributes that brands declare."""

import uuid
from collections.abc import Collection

from django.db.models import QuerySet

from core.errors import NotFound
from promotions.models import Attribute


def get_attribute_types(brand_id: uuid.UUID) -> dict[str, str]:
    """Return the types of a brand's attributes by name."""
    return dict(Attribute.objects.filter(brand_id=brand_id).values_list("name", "type"))


def get_attribute_types_of_brands(slugs: Collection[str]) -> dict[str, dict[str, str]]:
    """Return the types of the attributes of brands, by slug and name."""
    types: dict[str, dict[str, str]] = {slug: {} for slug in slugs}
    rows = Attribute.objects.filter(brand__slug__in=slugs).values_list("brand__slug", "name", "type")
    for slug, name, type_name in rows:
        types[slug][name] = type_name
    return types


def list_attributes(*, brand_ids: Collection[uuid.UUID] | None) -> QuerySet[Attribute]:
    """Return the attributes of these brands, or of all brands for None, newest first."""
    attributes = Attribute.objects.select_related("brand").order_by("-pk")
    return attributes if brand_ids is None else attributes.filter(brand_id__in=brand_ids)


def get_attribute(*, pk: uuid.UUID, brand_ids: Collection[uuid.UUID] | None) -> Attribute:
    """Return an attribute of these brands. Raises NotFound."""
    attribute = list_attributes(brand_ids=brand_ids).filter(pk=pk).first()
    if attribute is None:
        raise NotFound
    return attribute
