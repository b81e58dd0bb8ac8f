"""Admin pages of users."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django import forms
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold import forms as unfold_forms
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget

from accounts import rules, selectors, services
from accounts.models import User
from backoffice.base.admin import SuperuserAdmin
from backoffice.base.changelists import EstimatingPaginator
from backoffice.base.formatting import EMPTY_VALUE
from core.errors import InvalidRequest

# What isn't used, or has pages of its own.
admin.site.unregister([Group, Authenticator, EmailAddress, SocialAccount, SocialApp, SocialToken])


class PhoneForm(forms.ModelForm):  # type: ignore[type-arg]
    """A form that accepts a phone number in any notation."""

    def clean_phone(self) -> str | None:
        try:
            return rules.phone_number(self.cleaned_data["phone"]) if self.cleaned_data.get("phone") else None
        except InvalidRequest as error:
            raise ValidationError((error.errors or [{}])[0].get("detail", "")) from error


class UserCreationForm(PhoneForm, unfold_forms.UserCreationForm):
    """The form with which platform admins create users. Brand staff join by invitation."""

    class Meta:
        model = User
        fields = ("username", "email", "phone")

    def clean_username(self) -> str:
        return str(self.cleaned_data["username"])  # the database constraint checks that it is unique


@admin.register(User)
class UserAdmin(DjangoUserAdmin, SuperuserAdmin):  # type: ignore[type-arg]
    """Users with and without staff roles. Users are deactivated instead of deleted, so that their history stays."""

    form, add_form, change_password_form = PhoneForm, UserCreationForm, unfold_forms.AdminPasswordChangeForm
    list_display = ("username", "email", "phone", "staff_of", "is_active", "date_joined")
    list_filter = ("is_active", "is_superuser")
    search_fields = ("username",)
    search_help_text = _("Search by exact username, email or phone number")
    ordering = ("-pk",)
    filter_horizontal = ()
    show_full_result_count = False
    paginator = EstimatingPaginator
    readonly_fields = ("set_password", "email_verified_at", "consents", "date_joined", "last_login")
    fieldsets = (
        (None, {"fields": ("username", "email", "email_verified_at", "phone", "language", "set_password")}),
        (_("Permissions"), {"fields": ("is_active", "is_superuser")}),
        (
            _("Marketing consents and dates"),
            {"fields": ("consents", "date_joined", "last_login")},
        ),
    )
    add_fieldsets = ((None, {"fields": ("username", "email", "phone", "usable_password", "password1", "password2")}),)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).prefetch_related("memberships__brand")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[User], search_term: str
    ) -> tuple[QuerySet[User], bool]:
        if not search_term.strip():
            return queryset, False
        user = selectors.user_of_account(search_term)
        return (queryset.filter(pk=user.pk) if user else queryset.none()), False

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "language":
            choices = [("", _("Language of the brand")), *settings.LANGUAGES]
            kwargs["widget"] = UnfoldAdminSelectWidget(choices=choices)
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    @display(description=_("Brands"))
    def staff_of(self, user: User) -> str:
        return ", ".join(f"{member.brand} ({member.get_role_display()})" for member in user.memberships.all())

    @display(description=_("Marketing consents"))
    def consents(self, user: User) -> str:
        granted = [consent.profile.brand.name for consent in selectors.list_consents(user) if consent.granted]
        return ", ".join(granted) or EMPTY_VALUE

    @display(description=_("Password"))
    def set_password(self, user: User) -> str:
        return format_html('<a class="pp-link" href="../password/">{}</a>', gettext("Change password"))

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not change:
            services.add_customer(user=obj)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
