"""Access of servers and other brands: API keys, and grants between brands."""

import pghistory
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from accounts.contracts import Scope
from accounts.models.brands import Brand
from core.ids import uuid7

SCOPE_CHOICES = [
    (Scope.BRAND.value, _("Brand API")),
    (Scope.CHECKOUT.value, _("Checkout of all brands")),
    (Scope.INTERNAL.value, _("Internal API")),
]


@pghistory.track(exclude=["digest", "last_used_at"])
class ApiKey(models.Model):
    """A server's credential, for one brand, the platform's checkout or the internal API. Only a digest is stored."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    brand = models.ForeignKey(
        Brand, models.CASCADE, null=True, blank=True, related_name="api_keys", verbose_name=_("brand")
    )
    scope = models.CharField(_("scope"), max_length=10, choices=SCOPE_CHOICES)
    name = models.CharField(_("name"), max_length=100)
    prefix = models.CharField(_("prefix"), max_length=12, unique=True, editable=False)
    digest = models.BinaryField(editable=False)
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(scope=Scope.BRAND, brand__isnull=False)
                | models.Q(scope__in=[Scope.CHECKOUT, Scope.INTERNAL], brand__isnull=True),
                name="accounts_apikey_scope",
                violation_error_message=_("The scope Brand API needs a brand. The other scopes are without a brand."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


@pghistory.track()
class AcceptanceGrant(models.Model):
    """The permission of one brand, the issuer, that another brand's server gives its offers at checkout.

    ``kinds`` are the kinds of offer. A brand has at most one current grant of an issuer; ``ended_at`` ends it.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    issuer = models.ForeignKey(
        Brand,
        models.CASCADE,
        related_name="issued_grants",
        verbose_name=_("brand"),
        help_text=_("The brand whose offers are given."),
    )
    acceptor = models.ForeignKey(
        Brand,
        models.CASCADE,
        related_name="accepted_grants",
        verbose_name=_("accepting brand"),
        help_text=_("The brand whose server may give the offers on lines of the brand in its carts."),
    )
    kinds = ArrayField(models.CharField(max_length=20), verbose_name=_("kinds of offer"))
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("grant")
        verbose_name_plural = _("grants")
        constraints = [
            models.UniqueConstraint(
                "issuer",
                "acceptor",
                name="accounts_grant_once",
                condition=models.Q(ended_at__isnull=True),
            ),
            models.CheckConstraint(
                condition=~models.Q(issuer=models.F("acceptor")),
                name="accounts_grant_between_brands",
                violation_error_message=_("A brand always gives its own offers. Choose another brand."),
            ),
            models.CheckConstraint(condition=models.Q(kinds__len__gte=1), name="accounts_grant_kinds"),
        ]

    def __str__(self) -> str:
        return f"{self.issuer} → {self.acceptor}"
