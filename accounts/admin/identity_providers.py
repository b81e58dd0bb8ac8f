"""Admin pages of brands' identity providers."""

from typing import Any

import requests
from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextareaWidget, UnfoldAdminURLInputWidget

from accounts import services
from accounts.adapters import callback_path, discover
from accounts.admin.owners import BrandOwnerAdmin
from accounts.models import IdentityProvider
from accounts.models.identity_providers import list_domains
from backoffice.base.admin import is_platform_admin
from backoffice.base.columns import datetime_column
from backoffice.base.form_fields import AutocompletePicker, TextFormField

created = datetime_column("created_at", _("created"), brand="brand")


class DomainsField(TextFormField):
    """Domains of email addresses, one per line."""

    widget = UnfoldAdminTextareaWidget(attrs={"rows": 3, "spellcheck": "false"})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        return list_domains(super().clean(value))


class IdentityProviderForm(forms.ModelForm):  # type: ignore[type-arg]
    """The identity provider of a brand. Its discovery document is fetched, so that a mistake shows at once."""

    issuer = forms.URLField(
        label=_("Issuer"),
        max_length=255,
        assume_scheme="https",
        widget=UnfoldAdminURLInputWidget(),
        help_text=_("The address of the identity provider, for example https://login.example.com."),
    )
    new_secret = forms.CharField(
        label=_("Client secret"),
        required=False,
        max_length=500,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text=_("Stored encrypted, and never shown again. Leave blank to keep the present one."),
    )

    def clean_issuer(self) -> str:
        issuer = str(self.cleaned_data["issuer"])
        if not (issuer.startswith("https://") or settings.OUTBOUND_PRIVATE_NETWORKS):
            raise forms.ValidationError(gettext("Enter an address that begins with https://."))
        try:
            document = discover(issuer)
        except requests.RequestException as error:
            text = gettext(
                "This address has no discovery document of this issuer (%(issuer)s/.well-known/openid-configuration). "
                "Check it."
            )
            raise forms.ValidationError(text % {"issuer": issuer.rstrip("/")}) from error
        methods = document.get("code_challenge_methods_supported")
        if methods is not None and "S256" not in methods:
            raise forms.ValidationError(gettext("This identity provider doesn't support PKCE (S256)."))
        return issuer

    def clean_new_secret(self) -> str:
        secret = str(self.cleaned_data["new_secret"])
        if not secret and self.instance._state.adding:  # noqa: SLF001
            raise forms.ValidationError(gettext("Enter the secret that the identity provider shows."))
        return secret


@admin.register(IdentityProvider)
class IdentityProviderAdmin(BrandOwnerAdmin):
    """Identity providers, which owners set up. Only platform admins enter the domains of addresses."""

    form = IdentityProviderForm
    list_display = ("brand", "issuer", "sign_on", created)

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[Any, ...]:
        details = ("redirect_address", created) if obj else ()
        return ("brand", "issuer", "client_id", "new_secret", "domains", *details)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[Any, ...]:
        brand = ("brand",) if obj else ()
        domains = () if is_platform_admin(request) else ("domains",)
        return (*brand, *domains, "redirect_address", created)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        kwargs["widget"] = AutocompletePicker(db_field, self.admin_site)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "domains":
            return DomainsField(label=_("Email domains"), help_text=db_field.help_text, required=False)
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    @display(description=_("Sign-in"))
    def sign_on(self, provider: IdentityProvider) -> str:
        return provider.brand.get_sso_display()

    @display(description=_("Redirect address"))
    def redirect_address(self, provider: IdentityProvider) -> str:
        text = gettext("Enter this address at the identity provider.")
        return format_html("{}<br>{}", settings.BASE_URL + callback_path(provider.key), text)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        services.save_provider(provider=obj, secret=form.cleaned_data["new_secret"])
        if not obj.domains:
            text = gettext("Ask a platform admin to enter the email domains of the brand. Nobody can sign in before.")
            messages.warning(request, text)

    def delete_model(self, request: HttpRequest, obj: IdentityProvider) -> None:
        services.delete_provider(provider=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[IdentityProvider]) -> None:
        for provider in queryset:
            self.delete_model(request, provider)
