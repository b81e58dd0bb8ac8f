"""Admin pages of API keys."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts import services
from accounts.admin.owners import BrandOwnerAdmin
from accounts.contracts import Scope
from accounts.models import ApiKey
from backoffice.base.columns import datetime_column
from core.permissions import BrandPermissions

DATES = (
    datetime_column("created_at", _("created"), brand="brand"),
    datetime_column("last_used_at", _("last used"), brand="brand"),
    datetime_column("revoked_at", _("revoked"), brand="brand"),
)


@admin.register(ApiKey)
class ApiKeyAdmin(BrandOwnerAdmin):
    """API keys of servers. A key is shown once when it is created, and revoked instead of deleted."""

    list_display = ("name", "prefix", "brand", "scope", *DATES)
    actions = ("revoke",)

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[Any, ...]:
        if obj:
            return ("brand", "name", "prefix", "scope", *DATES)
        return ("brand", "scope", "name") if request.user.is_superuser else ("brand", "name")

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[Any, ...]:
        return ("prefix", "scope", *DATES) if obj else ()

    @admin.action(description=_("Revoke"))
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        for key in queryset:
            services.revoke_key(key=key, at=timezone.now())
        self.message_user(request, gettext("API keys revoked."))

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        if "brand" in form.base_fields:
            form.base_fields["brand"].required = not request.user.is_superuser
            form.base_fields["brand"].help_text = (
                gettext("Leave blank for a key of the platform.") if request.user.is_superuser else ""
            )
        if "scope" in form.base_fields:
            form.base_fields["scope"].initial = Scope.BRAND
        return form

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not self.has_brand_permission(request, BrandPermissions.OWN, obj):
            raise PermissionDenied
        scope = Scope(obj.scope or Scope.BRAND)
        key = services.issue_key(brand=obj.brand, name=obj.name, at=timezone.now(), scope=scope)
        obj.pk, request.new_key = key.id, key  # type: ignore[attr-defined]

    def response_add(self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("New API key"),
            "key": request.new_key,  # type: ignore[attr-defined]
            "opts": self.opts,
        }
        return TemplateResponse(request, "accounts/admin/new_key.html", context)
