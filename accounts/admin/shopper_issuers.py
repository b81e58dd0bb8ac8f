"""Admin pages of brands' own logins, whose tokens their shoppers send."""

from typing import Any

import requests
from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminURLInputWidget

from accounts import selectors, services
from accounts.adapters.shopper_tokens import read_token
from accounts.admin.owners import BrandOwnerAdmin
from accounts.models import ShopperIssuer
from backoffice.base.columns import datetime_column
from backoffice.base.form_fields import AutocompletePicker, TextFormField
from core import signing_keys
from core.errors import DomainError

created = datetime_column("created_at", _("created"), brand="brand")
valid_from = datetime_column("valid_from", _("tokens valid from"), brand="brand")
FIELDS = ("issuer", "audience", "jwks_url", "public_key", "customer_claim", "max_lifetime_minutes", "is_active")


class ShopperIssuerForm(forms.ModelForm):  # type: ignore[type-arg]
    """The own login of a brand. Its keys are fetched and a token is tried, so that a mistake shows at once."""

    jwks_url = forms.URLField(
        label=_("Address of the keys (JWKS)"),
        required=False,
        max_length=255,
        assume_scheme="https",
        widget=UnfoldAdminURLInputWidget(),
        help_text=_("For example https://login.example.com/.well-known/jwks.json. Leave blank for one public key."),
    )
    sample_token = TextFormField(
        label=_("Token to try"),
        required=False,
        max_length=signing_keys.MAX_TOKEN_LENGTH,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3, "spellcheck": "false", "autocomplete": "off"}),
        help_text=_("Paste a token to see which customer it names. It is not stored."),
    )
    findings: list[str]

    def clean_jwks_url(self) -> str:
        url = str(self.cleaned_data["jwks_url"])
        if url and not (url.startswith("https://") or settings.OUTBOUND_PRIVATE_NETWORKS):
            raise forms.ValidationError(gettext("Enter an address that begins with https://."))
        return url

    def clean_public_key(self) -> str:
        return str(self.cleaned_data["public_key"]).strip()

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        self.findings = []
        if values.get("jwks_url"):
            self._check_keys(values["jwks_url"])
        if values.get("sample_token") and not self.errors:
            self._try_token(values)
        return values

    def _check_keys(self, url: str) -> None:
        try:
            keys = signing_keys.key_sets.get(url, max_age=0)
        except requests.RequestException:
            keys = {}
        if not keys:
            self.add_error("jwks_url", gettext("This address has no public keys (JWKS) that can be used. Check it."))
            return
        names = ", ".join(f"{kid or '-'} ({key.algorithm_name})" for kid, key in list(keys.items())[:10])
        self.findings.append(gettext("Keys: %(keys)s.") % {"keys": names})

    def _try_token(self, values: dict[str, Any]) -> None:
        brand = values.get("brand") or self.instance.brand
        row = ShopperIssuer(
            brand=brand, valid_from=self.instance.valid_from, **{name: values[name] for name in FIELDS}
        )  # fmt: skip
        try:
            token = values["sample_token"].strip()
            kid, _claims = signing_keys.read_unverified(token)
            customer, _expires_at = read_token(token, selectors.to_login(row), kid=kid, at=timezone.now())
        except (signing_keys.TokenUnverified, DomainError, requests.RequestException) as error:
            text = gettext("This token is refused: %(reason)s") % {"reason": str(error)}
            self.add_error("sample_token", text)
            return
        self.findings.append(gettext("The token is one of customer %(customer)s.") % {"customer": customer})


@admin.register(ShopperIssuer)
class ShopperIssuerAdmin(BrandOwnerAdmin):
    """The own logins of brands, which owners set up."""

    form = ShopperIssuerForm
    list_display = ("brand", "issuer", "audience", "is_active", created)
    actions = ("end_tokens",)

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[Any, ...]:
        return ("brand", *FIELDS, "sample_token", *((valid_from, created) if obj else ()))

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[Any, ...]:
        return (*(("brand",) if obj else ()), valid_from, created)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        kwargs["widget"] = AutocompletePicker(db_field, self.admin_site)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    @admin.action(description=_("End all tokens"))
    def end_tokens(self, request: HttpRequest, queryset: QuerySet[ShopperIssuer]) -> None:
        """Refuse the tokens that were issued before now."""
        for issuer in queryset:
            services.end_shopper_tokens(issuer=issuer, at=timezone.now())
        self.message_user(request, gettext("Tokens issued until now are refused."))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        services.save_shopper_issuer(issuer=obj)
        for finding in form.findings:
            messages.info(request, finding)
