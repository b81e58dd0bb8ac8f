"""Services that declare and remove the attributes of brands."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Brand
from core.db import translate_constraint
from core.errors import InvalidRequest
from promotions.models import Attribute


def create_attribute(*, brand: Brand, name: str, type_name: str, description: str, at: datetime) -> Attribute:
    """Declare an attribute of a brand. Raises InvalidRequest (field ``name``) for a name that the brand has."""
    errors = [{"field": "name", "code": "unique", "detail": _("The brand has an attribute of this name.")}]
    with translate_constraint("promotions_attribute_once", InvalidRequest, errors=errors), transaction.atomic():
        return Attribute.objects.create(brand=brand, name=name, type=type_name, description=description, created_at=at)


def delete_attribute(*, attribute: Attribute) -> None:
    """Remove an attribute. Carts with it are refused from now on, and conditions on it are no longer met."""
    attribute.delete()
