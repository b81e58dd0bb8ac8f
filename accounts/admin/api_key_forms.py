"""Forms of API keys in the admin."""

import uuid
from datetime import timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminTextareaWidget,
)

from accounts.contracts import BRAND_SCOPES, Scope
from accounts.models import ApiKey, Brand
from accounts.models.access import SCOPE_CHOICES
from accounts.services.api_keys import MAX_ADDRESSES
from accounts.services.key_rights import parse_network
from backoffice.base.form_fields import AwareDateTimeFormField, TextFormField
from core.errors import InvalidRequest

DEFAULT_SCOPES = [Scope.READ.value, Scope.CHECKOUT.value]
SCOPE_HELP = _(
    "Read: offers, orders and results. Manage offers: create and change them. Checkout: carts and orders of customers. "
    "Export codes: files with codes."
)
OVERLAPS = [(0, _("None: it ends at once")), (1, _("1 hour")), (24, _("1 day")), (168, _("7 days"))]


class ApiKeyForm(forms.ModelForm):  # type: ignore[type-arg]
    """A new API key. ``is_admin`` is set by a subclass for platform admins, who also create keys of the platform."""

    is_admin = False
    scopes = forms.MultipleChoiceField(
        label=_("Scopes"),
        choices=[choice for choice in SCOPE_CHOICES if choice[0] in list(BRAND_SCOPES)],
        initial=DEFAULT_SCOPES,
        help_text=SCOPE_HELP,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )
    addresses = TextFormField(
        label=_("IP addresses"),
        required=False,
        max_length=5000,
        help_text=_("One IP address or network on each line, such as 203.0.113.0/24. Leave blank for any address."),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )
    expires_at = AwareDateTimeFormField(
        label=_("Expires"), required=False, is_end=True, help_text=_("Leave blank for a key without an end.")
    )
    internal_brands = forms.ModelMultipleChoiceField(
        label=_("Limited to brands"),
        queryset=Brand.objects.all(),
        required=False,
        help_text=_("Only for the internal API: the brands that the service may name. Select none for all brands."),
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )

    class Meta:
        model = ApiKey
        fields = ("brand", "name", "scopes", "internal_brands", "addresses", "expires_at")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["brand"].required = not self.is_admin
        if self.is_admin:
            self.fields["brand"].help_text = gettext("Leave blank for a key of the platform.")
            self.fields["scopes"].choices = SCOPE_CHOICES  # type: ignore[attr-defined]
        else:
            del self.fields["internal_brands"]

    def clean_addresses(self) -> list[str]:
        try:
            lines = [parse_network(line) for line in self.cleaned_data["addresses"].split()]
        except InvalidRequest as error:
            raise ValidationError((error.errors or [{}])[0].get("detail", "")) from error
        if len(lines) > MAX_ADDRESSES:
            raise ValidationError(gettext("Enter at most %(max)s addresses.") % {"max": MAX_ADDRESSES})
        return lines

    def clean_internal_brands(self) -> list[uuid.UUID]:
        return [brand.pk for brand in self.cleaned_data["internal_brands"]]

    def clean_expires_at(self) -> Any:
        expires_at = self.cleaned_data["expires_at"]
        if expires_at is not None and expires_at <= timezone.now():
            raise ValidationError(gettext("Choose a time in the future."))
        return expires_at


class AdminApiKeyForm(ApiKeyForm):
    """A new API key of a brand or of the platform."""

    is_admin = True


class RollForm(forms.Form):
    """How long the present key still works when it is rolled."""

    overlap = forms.TypedChoiceField(
        label=_("Time in which both keys work"),
        choices=OVERLAPS,
        coerce=int,
        initial=24,
        widget=UnfoldAdminRadioSelectWidget,
    )

    @property
    def chosen_overlap(self) -> timedelta:
        """The time that was chosen in a valid form."""
        return timedelta(hours=self.cleaned_data["overlap"])
