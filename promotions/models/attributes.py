"""Attributes that brands declare for their carts."""

import pghistory
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand
from core.ids import uuid7
from pricing.attributes import NAME_PATTERN

NAME_FORMAT_MESSAGE = _("Use lower-case letters, digits and underscores, and begin with a letter.")


class AttributeType(models.TextChoices):
    """The type of an attribute's values."""

    STRING = "string", _("Text")
    NUMBER = "number", _("Number")
    BOOLEAN = "boolean", _("True or false")
    DATE = "date", _("Date")


@pghistory.track()
class Attribute(models.Model):
    """An attribute of a brand's carts, lines and customers, with the type of its values. Offers can require values."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    brand = models.ForeignKey(Brand, models.CASCADE, related_name="attributes", verbose_name=_("brand"))
    name = models.CharField(
        _("name"),
        max_length=64,
        validators=[RegexValidator(rf"\A{NAME_PATTERN}\Z", NAME_FORMAT_MESSAGE)],
        help_text=_("Name in the carts that your servers send. Example: customer_tier"),
    )
    type = models.CharField(
        _("type"), max_length=10, choices=AttributeType.choices, help_text=_("Values of another type are refused.")
    )
    description = models.CharField(
        _("description"), max_length=200, blank=True, help_text=_("Shown to staff who write offers.")
    )
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)

    class Meta:
        verbose_name, verbose_name_plural = _("attribute"), _("attributes")
        ordering = ("name",)
        constraints = [
            models.UniqueConstraint(
                "brand",
                "name",
                name="promotions_attribute_once",
                violation_error_message=_("The brand has an attribute of this name."),
            ),
            models.CheckConstraint(
                condition=models.Q(type__in=AttributeType.values), name="promotions_attribute_type_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name
