"""Access of servers and other brands: API keys, and grants between brands."""

import pghistory
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from accounts.contracts import BRAND_SCOPES, Scope
from accounts.models.brands import Brand
from accounts.models.users import User
from core.ids import uuid7

SCOPE_CHOICES = [
    (Scope.READ.value, _("Read")),
    (Scope.MANAGE.value, _("Manage offers")),
    (Scope.CHECKOUT.value, _("Checkout")),
    (Scope.EXPORT.value, _("Export codes")),
    (Scope.INTERNAL.value, _("Internal API")),
]


@pghistory.track(exclude=["digest", "last_used_at"])
class ApiKey(models.Model):
    """A server's credential, for one brand, the platform's checkout or the internal API. Only a digest is stored.

    Without ``addresses``, it may be used from anywhere. ``replaces`` is the key that it was rolled from.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    brand = models.ForeignKey(
        Brand, models.CASCADE, null=True, blank=True, related_name="api_keys", verbose_name=_("brand")
    )
    scopes = ArrayField(models.CharField(max_length=20, choices=SCOPE_CHOICES), verbose_name=_("scopes"))
    internal_brands = ArrayField(
        models.UUIDField(),
        verbose_name=_("limited to brands"),
        blank=True,
        default=list,
        help_text=_("The brands that a key of the internal API may name. Empty for all brands."),
    )
    name = models.CharField(_("name"), max_length=100)
    prefix = models.CharField(_("prefix"), max_length=32, unique=True, editable=False)
    digest = models.BinaryField(editable=False)
    addresses = ArrayField(
        models.CharField(max_length=43),
        verbose_name=_("IP addresses"),
        blank=True,
        default=list,
        help_text=_("IP addresses or networks of your servers, such as 203.0.113.0/24. Empty for any address."),
    )
    created_by = models.ForeignKey(
        User, models.SET_NULL, null=True, blank=True, related_name="+", editable=False, verbose_name=_("created by")
    )
    replaces = models.OneToOneField(
        "self",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="replacement",
        editable=False,
        verbose_name=_("replaces"),
    )
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(
                    brand__isnull=False,
                    scopes__contained_by=[scope.value for scope in BRAND_SCOPES],
                    scopes__len__gte=1,
                )
                | models.Q(brand__isnull=True, scopes=[Scope.CHECKOUT.value])
                | models.Q(brand__isnull=True, scopes=[Scope.INTERNAL.value]),
                name="accounts_apikey_scopes",
                violation_error_message=_(
                    "The scope Internal API is for keys without a brand. A key without a brand has only that scope, or "
                    "only the scope Checkout."
                ),
            ),
            models.CheckConstraint(
                condition=models.Q(internal_brands=[]) | models.Q(scopes=[Scope.INTERNAL.value]),
                name="accounts_apikey_internal_brands",
                violation_error_message=_("Only keys of the internal API can be limited to brands."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


@pghistory.track()
class AcceptanceGrant(models.Model):
    """The permission of one brand, the issuer, that another brand's server gives its offers at checkout.

    ``kinds`` are the kinds of offer, and ``max_per_month`` is the most that they give in a month of the issuer's time
    zone, in minor units by currency. A brand has at most one current grant of an issuer, which
    ``ended_at`` ends.
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
    max_per_month = models.JSONField(
        _("maximum discount per month"), default=dict, db_default=models.Value({}, models.JSONField()), blank=True
    )
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
