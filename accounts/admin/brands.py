"""Admin pages of brands."""

import contextlib
import zoneinfo
from collections.abc import Iterator
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminColorInputWidget, UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from accounts import selectors, services
from accounts.contracts import normalize_origin
from accounts.models import MAX_ORIGINS, ORIGIN_MESSAGE, Brand
from backoffice.base.admin import BrandScopedAdmin, is_platform_admin
from backoffice.base.columns import datetime_column
from backoffice.base.form_fields import TextFormField
from core.errors import InvalidRequest
from core.permissions import BrandPermissions

created = datetime_column("created_at", _("created"), brand="")


class OriginsField(TextFormField):
    """Origins of pages, one per line."""

    widget = UnfoldAdminTextareaWidget(attrs={"rows": 3, "spellcheck": "false"})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        lines = [line for line in super().clean(value).split() if line]
        origins = {line: normalize_origin(line) for line in lines}
        if errors := [f"{line}: {ORIGIN_MESSAGE}" for line, origin in origins.items() if origin is None]:
            raise forms.ValidationError(errors)
        if len(lines) > MAX_ORIGINS:
            raise forms.ValidationError(gettext("Enter at most %(max)s origins.") % {"max": MAX_ORIGINS})
        return list(dict.fromkeys(origin for origin in origins.values() if origin))


@contextlib.contextmanager
def _field_errors() -> Iterator[None]:
    """Show the errors of a service at the field that is cleaned."""
    try:
        yield
    except InvalidRequest as error:
        raise forms.ValidationError([problem["detail"] for problem in error.errors or []]) from error


class BrandForm(forms.ModelForm):  # type: ignore[type-arg]
    """The form of a brand. Those who require a second factor of others have used one themselves."""

    user: Any  # set on the class that BrandAdmin returns for a request

    def clean_require_second_factor(self) -> bool:
        required = bool(self.cleaned_data["require_second_factor"])
        if required and not self.instance.require_second_factor and not self.user.has_second_factor:
            raise forms.ValidationError(services.FACTOR_FIRST)
        return required

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"])
        if name != self.instance.name:
            with _field_errors():
                services.check_brand_name(name=name, brand_id=self.instance.pk)
        return name

    def clean_sso(self) -> str:
        sso = str(self.cleaned_data["sso"])
        with _field_errors():
            services.check_sign_on(brand=self.instance, sso=sso, provider_brand_id=self.user.provider_brand_id)
        return sso


@admin.register(Brand)
class BrandAdmin(BrandScopedAdmin):
    """Brands, which their owners can edit. Only platform admins set the slug, the currency and the active flag."""

    brand_path, needs_to_change = "pk", BrandPermissions.OWN
    list_display = ("name", "slug", "currency", "timezone", "is_active")
    search_fields = ("name", "slug")
    fields = (
        "name",
        "slug",
        "color",
        "language",
        "timezone",
        "currency",
        "notify_email",
        "checkout_by",
        "browser_origins",
        "require_second_factor",
        "sso",
        "is_active",
        created,
    )

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "color":
            kwargs["widget"] = UnfoldAdminColorInputWidget
        if db_field.name == "timezone":
            kwargs["widget"] = UnfoldAdminSelectWidget(
                choices=[(name, name) for name in sorted(zoneinfo.available_timezones())]
            )
        if db_field.name == "language":
            kwargs["widget"] = UnfoldAdminSelectWidget(choices=settings.LANGUAGES)
        if db_field.name == "browser_origins":
            return OriginsField(label=capfirst(db_field.verbose_name), help_text=db_field.help_text, required=False)
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **{"form": BrandForm, **kwargs})
        form.user = request.user
        return form

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[Any, ...]:
        if not is_platform_admin(request):
            return created, "slug", "currency", "is_active"
        if isinstance(obj, Brand) and selectors.has_priced_objects(brand=obj):
            return created, "currency"
        return (created,)

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return is_platform_admin(request)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
