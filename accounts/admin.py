"""The admin's pages of accounts, and its sign-in."""

import zoneinfo
from typing import Any, cast

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.html import format_html
from unfold import forms as unfold_forms
from unfold.decorators import display
from unfold.widgets import UnfoldAdminColorInputWidget, UnfoldAdminSelectWidget

from accounts import rules, selectors, services
from accounts.contracts import Role
from accounts.models import ApiKey, Brand, Customer, Invitation, Membership, User
from backoffice.base.admin import BrandScopedAdmin, EstimatingPaginator, SuperuserAdmin
from core.errors import InvalidRequest, Throttled, Unavailable
from core.permissions import BrandPermissions


class LoginForm(unfold_forms.AuthenticationForm):
    """Signs staff in by e-mail, phone or username; too many tries are told, not answered as an error."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = "E-mail, phone or username"
        self.fields["username"].max_length = 254
        self.fields["username"].widget.attrs["maxlength"] = 254

    def clean(self) -> dict[str, Any]:
        try:
            return dict(super().clean())
        except (Throttled, Unavailable) as refusal:
            raise ValidationError(refusal.detail, code=refusal.code) from refusal


class PhoneForm(forms.ModelForm):  # type: ignore[type-arg]
    """Reads a phone number however it is written."""

    def clean_phone(self) -> str | None:
        try:
            return rules.phone_number(self.cleaned_data["phone"]) if self.cleaned_data.get("phone") else None
        except InvalidRequest as refusal:
            raise ValidationError((refusal.errors or [{}])[0].get("detail", "")) from refusal


class UserCreationForm(PhoneForm, unfold_forms.UserCreationForm):
    """A user whom a platform admin makes; brand staff come by invitation."""

    class Meta:
        model = User
        fields = ("username", "email", "phone")

    def clean_username(self) -> str:
        return str(self.cleaned_data["username"])  # that it is free, the constraint says


admin.site.login_form = LoginForm
admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(DjangoUserAdmin, SuperuserAdmin):  # type: ignore[type-arg]
    """Everybody who signs in. Shut out rather than deleted: what they did stays theirs."""

    form, add_form, change_password_form = PhoneForm, UserCreationForm, unfold_forms.AdminPasswordChangeForm
    list_display = ("username", "email", "phone", "staff_of", "is_active", "date_joined")
    list_filter = ("is_active", "is_superuser")
    search_fields = ("username",)
    search_help_text = "The whole username, e-mail address or phone number"
    ordering = ("-pk",)
    filter_horizontal = ()
    show_full_result_count = False
    paginator = EstimatingPaginator
    readonly_fields = ("set_password", "marketing_consent_at", "date_joined", "last_login")
    fieldsets = (
        (None, {"fields": ("username", "email", "phone", "set_password")}),
        ("Rights", {"fields": ("is_active", "is_superuser")}),
        ("Consent and dates", {"fields": ("marketing_consent", "marketing_consent_at", "date_joined", "last_login")}),
    )
    add_fieldsets = ((None, {"fields": ("username", "email", "phone", "usable_password", "password1", "password2")}),)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).prefetch_related("memberships__brand")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[User], search_term: str
    ) -> tuple[QuerySet[User], bool]:
        if not search_term.strip():
            return queryset, False
        found = selectors.user_of_account(search_term)
        return (queryset.filter(pk=found.pk) if found else queryset.none()), False

    @display(description="staff of")
    def staff_of(self, user: User) -> str:
        return ", ".join(f"{member.brand} ({member.role})" for member in user.memberships.all())

    @display(description="password")
    def set_password(self, user: User) -> str:
        return format_html('<a class="text-primary-600" href="../password/">{}</a>', "Set a new password")

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        if "marketing_consent" in form.changed_data:
            obj.marketing_consent_at = timezone.now() if obj.marketing_consent else None
        super().save_model(request, obj, form, change)
        if not change:
            services.add_customer(user=obj)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Brand)
class BrandAdmin(BrandScopedAdmin):
    """A brand's own face. Its address and currency are the platform's to give."""

    brand_path, needs_to_change = "pk", BrandPermissions.OWN
    list_display = ("name", "slug", "currency", "timezone", "is_active")
    search_fields = ("name", "slug")
    fields = ("name", "slug", "color", "timezone", "currency", "notify_email", "is_active", "created_at")

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "color":
            kwargs["widget"] = UnfoldAdminColorInputWidget
        if db_field.name == "timezone":
            kwargs["widget"] = UnfoldAdminSelectWidget(
                choices=[(name, name) for name in sorted(zoneinfo.available_timezones())]
            )
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        if not self._superuser(request):
            return "created_at", "slug", "currency", "is_active"
        return (
            ("created_at", "currency")
            if isinstance(obj, Brand) and selectors.has_priced_objects(brand=obj)
            else ("created_at",)
        )

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self._superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def _superuser(self, request: HttpRequest) -> bool:
        return bool(request.user.is_active and request.user.is_superuser)


class BrandOwnerAdmin(BrandScopedAdmin):
    """What only owners see and do."""

    needs_to_view = needs_to_change = BrandPermissions.OWN
    list_filter = (("brand", admin.RelatedOnlyFieldListFilter),)
    list_select_related = True
    ordering = ("-pk",)


@admin.register(Membership)
class MembershipAdmin(BrandOwnerAdmin):
    """Who is staff of which brand; others join by invitation."""

    list_display = ("user", "brand", "role", "created_at")
    autocomplete_fields = ("user", "brand")

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return ("brand", "member" if obj else "user", "role", "created_at")

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return ("brand", "member", "created_at") if obj else ("created_at",)

    @display(description="user")
    def member(self, membership: Membership) -> str:
        return str(membership.user)  # no link: a user's page is for platform admins

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return bool(request.user.is_active and request.user.is_superuser)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if change:
            services.change_role(brand=obj.brand, user_id=obj.user.uuid, role=Role(obj.role))
        else:
            super().save_model(request, obj, form, change)

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        services.remove_member(brand=obj.brand, user_id=obj.user.uuid)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Membership]) -> None:
        for member in queryset.select_related("brand", "user"):
            self.delete_model(request, member)


@admin.register(Invitation)
class InvitationAdmin(BrandOwnerAdmin):
    """Who was asked to join. Deleting an open invitation cancels it: its link is dead at once."""

    list_display = ("email", "brand", "role", "state", "invited_by", "created_at", "expires_at")
    fields = ("brand", "email", "role")
    actions = ("resend",)

    @display(label={"open": "info", "accepted": "success", "expired": "warning"})
    def state(self, invitation: Invitation) -> str:
        if invitation.accepted_at:
            return "accepted"
        return "open" if invitation.expires_at > timezone.now() else "expired"

    @admin.action(description="Send again, good for another week")
    def resend(self, request: HttpRequest, queryset: QuerySet[Invitation]) -> None:
        for invitation in queryset.filter(accepted_at=None):
            services.resend_invitation(invitation=invitation, at=timezone.now())
        self.message_user(request, "Open invitations are on their way again.")

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return not (isinstance(obj, Invitation) and obj.accepted_at) and super().has_delete_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not self.has_brand_permission(request, BrandPermissions.OWN, obj):
            raise PermissionDenied
        made = services.invite(
            brand=obj.brand,
            email=obj.email,
            role=Role(obj.role),
            invited_by=cast("User", request.user),
            at=timezone.now(),
        )
        obj.pk = made.pk


@admin.register(ApiKey)
class ApiKeyAdmin(BrandOwnerAdmin):
    """Keys of servers: shown once when made, revoked rather than deleted."""

    list_display = ("name", "prefix", "brand", "scope", "created_at", "last_used_at", "revoked_at")
    fields = ("brand", "name")
    actions = ("revoke",)

    @admin.action(description="Revoke: the keys open nothing from now on")
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        for key in queryset:
            services.revoke_key(key=key, at=timezone.now())
        self.message_user(request, "The keys are revoked.")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        if "brand" in form.base_fields:
            form.base_fields["brand"].required = not request.user.is_superuser
            form.base_fields["brand"].help_text = (
                "Without a brand, the key opens the internal API." if request.user.is_superuser else ""
            )
        return form

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not self.has_brand_permission(request, BrandPermissions.OWN, obj):
            raise PermissionDenied
        key = services.issue_key(brand=obj.brand, name=obj.name, at=timezone.now())
        obj.pk, request.new_key = key.id, key  # type: ignore[attr-defined]

    def response_add(self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None) -> HttpResponse:
        shared = self.admin_site.each_context(request)
        key = request.new_key  # type: ignore[attr-defined]
        context = {**shared, "title": "New API key", "key": key, "opts": self.opts}
        return TemplateResponse(request, "accounts/admin/new_key.html", context)


@admin.register(Customer)
class CustomerAdmin(SuperuserAdmin):
    """Who the data platform speaks of; opens at once with any number of rows."""

    list_display = ("customer_id", "user", "created_at")
    list_select_related = ("user",)
    search_fields = ("customer_id__startswith",)
    search_help_text = "The beginning of a customer id, in its own case"
    ordering = ("-pk",)
    show_full_result_count = False
    paginator = EstimatingPaginator

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
