"""Fields of offers and pricing profiles in the API, described by the schema that is derived from the offer language."""

from typing import Any

from drf_spectacular.utils import extend_schema_field

from core.serializer_fields import ObjectField
from pricing.json_schema import build_definitions


@extend_schema_field({"$ref": "#/components/schemas/Offer"})
class OfferField(ObjectField):
    """An offer in the offer language, validated by its parser."""

    def to_representation(self, value: Any) -> Any:
        return value


@extend_schema_field({"$ref": "#/components/schemas/PricingProfile"})
class PricingProfileField(ObjectField):
    """A pricing profile, validated by its parser."""


def add_definitions(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Add the definitions of offers to the OpenAPI document."""
    schemas = result["components"]["schemas"]
    definitions = build_definitions()
    if names := schemas.keys() & definitions.keys():
        raise ValueError(f"Two schemas have the same name: {', '.join(sorted(names))}")
    schemas.update(definitions)
    return result
