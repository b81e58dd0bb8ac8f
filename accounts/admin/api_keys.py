"""Admin pages of API keys."""

import uuid
from dataclasses import asdict
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from accounts import selectors, services
from accounts.adapters import require_fresh_sign_in
from accounts.admin.api_key_forms import AdminApiKeyForm, ApiKeyForm, RollForm
from accounts.admin.owners import BrandOwnerAdmin
from accounts.contracts import NewApiKey, Scope
from accounts.models import ApiKey, Brand, User
from accounts.models.access import SCOPE_CHOICES
from backoffice.base.admin import is_platform_admin
from backoffice.base.columns import datetime_column
from backoffice.base.confirmations import Confirmation
from backoffice.base.formatting import EMPTY_VALUE
from core.errors import DomainError
from core.permissions import BrandPermissions


def user_of(request: HttpRequest) -> User:
    """Return the user of a page of the admin. Raises PermissionDenied for visitors."""
    user = request.user
    if not isinstance(user, User):
        raise PermissionDenied
    return user


created, expires, last_used, revoked = (
    datetime_column(field, label, brand="brand")
    for field, label in (
        ("created_at", _("created")),
        ("expires_at", _("expires")),
        ("last_used_at", _("last used")),
        ("revoked_at", _("revoked")),
    )
)


@admin.register(ApiKey)
class ApiKeyAdmin(BrandOwnerAdmin):
    """API keys of servers. A key is shown once when it is created, and revoked or rolled instead of changed."""

    list_display = ("name", "prefix", "brand", "scope_labels", "status", "creator", created, expires, last_used)
    list_filter = (
        ("brand", admin.RelatedOnlyFieldListFilter),
        ("created_by", admin.RelatedOnlyFieldListFilter),
    )
    list_select_related = ("brand", "created_by")
    actions = ("revoke",)
    change_form_outer_before_template = "accounts/admin/key_actions.html"

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[Any, ...]:
        if obj:
            return (
                "brand", "name", "prefix", "status", "scope_labels", "brand_labels", "address_list", "creator",
                "replaces", created, expires, last_used, revoked,
            )  # fmt: skip
        fields = ApiKeyForm.Meta.fields
        return fields if is_platform_admin(request) else tuple(name for name in fields if name != "internal_brands")

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[Any, ...]:
        return self.get_fields(request, obj) if obj else ()

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is None:
            kwargs["form"] = AdminApiKeyForm if is_platform_admin(request) else ApiKeyForm
        return super().get_form(request, obj, change=change, **kwargs)

    # --- columns -----------------------------------------------------------------------------------------------------
    @display(description=_("scopes"))
    def scope_labels(self, key: ApiKey) -> str:
        labels = dict(SCOPE_CHOICES)
        return ", ".join(str(labels[scope]) for scope in key.scopes)

    @display(description=_("limited to brands"))
    def brand_labels(self, key: ApiKey) -> str:
        return ", ".join(map(str, Brand.objects.filter(pk__in=key.internal_brands))) or EMPTY_VALUE

    @display(description=_("IP addresses"))
    def address_list(self, key: ApiKey) -> str:
        return ", ".join(key.addresses) or gettext("Any address")

    @display(description=_("created by"), ordering="created_by")
    def creator(self, key: ApiKey) -> str:
        if key.created_by is None:
            return EMPTY_VALUE
        if selectors.is_created_by_member(key):
            return str(key.created_by)
        return gettext("%(user)s (no longer a member)") % {"user": key.created_by}

    @display(description=_("status"), label={"active": "success", "expired": "warning", "revoked": "danger"})
    def status(self, key: ApiKey) -> tuple[str, str]:
        if key.revoked_at is not None:
            return "revoked", gettext("Revoked")
        if not selectors.is_usable(key, at=timezone.now()):
            return "expired", gettext("Expired")
        return "active", gettext("Active")

    # --- actions -----------------------------------------------------------------------------------------------------
    @admin.action(description=_("Revoke"))
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        for key in queryset:
            services.revoke_key(key=key, at=timezone.now())
        self.message_user(request, gettext("API keys revoked."))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_fresh_sign_in(self.roll_view))
        return [path("<uuid:pk>/roll/", view, name="accounts_apikey_roll"), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        key = self.get_object(request, object_id)
        can_roll = isinstance(key, ApiKey) and selectors.is_rollable(key, at=timezone.now())
        actions = [(gettext("Roll"), reverse("admin:accounts_apikey_roll", args=[object_id]))] if can_roll else []
        context = {"actions": actions} | (extra_context or {})
        page: HttpResponse = super().change_view(request, object_id, form_url, context)
        return page

    def roll_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Say what rolling the key does (GET), or do it and show the new key (POST)."""
        key = self.get_object(request, str(pk))
        if not isinstance(key, ApiKey):
            raise Http404
        if not self.has_brand_permission(request, BrandPermissions.OWN, key):
            raise PermissionDenied
        page, form = reverse("admin:accounts_apikey_change", args=[pk]), RollForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                new = services.roll_key(
                    key=key, overlap=form.chosen_overlap, created_by=user_of(request), at=timezone.now()
                )
            except DomainError as error:
                messages.error(request, error.detail)
                return redirect(page)
            return self._new_key_page(request, new)
        confirmation = Confirmation(
            title=gettext("Roll API key %(name)s") % {"name": key.name},
            facts=[
                (gettext("Key"), f"{key.prefix}…"),
                (gettext("Scopes"), self.scope_labels(key)),
                (gettext("Last used"), last_used(key)),
            ],
            effect=gettext(
                "A new key with the same rights is created and shown once. The present key still works for the chosen "
                "time, so that you can replace it on your servers, then it expires."
            ),
            label=gettext("Roll key"),
            back=page,
        )
        context = self.admin_site.each_context(request) | asdict(confirmation) | {"form": form}
        return TemplateResponse(request, "accounts/admin/roll_key.html", context)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not self.has_brand_permission(request, BrandPermissions.OWN, obj):
            raise PermissionDenied
        key = services.issue_key(
            brand=obj.brand,
            name=obj.name,
            scopes=[Scope(scope) for scope in obj.scopes],
            internal_brands=obj.internal_brands,
            addresses=obj.addresses,
            expires_at=obj.expires_at,
            created_by=user_of(request),
            at=timezone.now(),
        )
        obj.pk, request.new_key = key.id, key  # type: ignore[attr-defined]

    def response_add(self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None) -> HttpResponse:
        return self._new_key_page(request, request.new_key)  # type: ignore[attr-defined]

    def _new_key_page(self, request: HttpRequest, key: NewApiKey) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("New API key"),
            "key": key,
            "opts": self.opts,
        }
        return TemplateResponse(request, "accounts/admin/new_key.html", context)
