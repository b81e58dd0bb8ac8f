"""Admin pages of brand staff: memberships and invitations."""

from typing import Any, cast

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from accounts import selectors, services
from accounts.adapters import require_fresh_sign_in
from accounts.admin.owners import BrandOwnerAdmin
from accounts.contracts import Role
from accounts.models import Invitation, Membership, User
from backoffice.base.admin import is_platform_admin
from backoffice.base.columns import datetime_column
from backoffice.base.confirmations import Confirmation, render_confirmation
from backoffice.base.form_fields import AutocompletePicker
from backoffice.base.formatting import EMPTY_VALUE
from core.permissions import BrandPermissions

created = datetime_column("created_at", _("created"), brand="brand")
expires = datetime_column("expires_at", _("expires"), brand="brand")
accepted = datetime_column("accepted_at", _("accepted"), brand="brand")


def _user_of(request: HttpRequest) -> User:
    return cast("User", request.user)


@admin.register(Membership)
class MembershipAdmin(BrandOwnerAdmin):
    """The staff of brands. New members join by invitation; only platform admins add them directly."""

    list_display = ("user", "brand", "role", created)
    autocomplete_fields = ("user", "brand")
    change_form_outer_before_template = "accounts/admin/key_actions.html"

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"role": Role.VIEWER, **super().get_changeform_initial_data(request)}  # the fewest rights

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[Any, ...]:
        return ("brand", "member", "role", created) if obj else ("brand", "user", "role")

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[Any, ...]:
        return ("brand", "member", created) if obj else ()

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        kwargs["widget"] = AutocompletePicker(db_field, self.admin_site)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    @display(description=_("User"))
    def member(self, membership: Membership) -> str:
        return str(membership.user)  # plain text: only platform admins can open the page of a user

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return is_platform_admin(request)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_fresh_sign_in(self.reset_view))
        reset = path("<int:pk>/reset-second-factor/", view, name="accounts_membership_reset")
        return [reset, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        member = self.get_object(request, object_id)
        actions = []
        if isinstance(member, Membership) and selectors.can_reset_second_factor(member=member, actor=_user_of(request)):
            url = reverse("admin:accounts_membership_reset", args=[member.pk])
            actions.append((gettext("Reset second factor"), url))
        context = {"actions": actions} | (extra_context or {})
        page: HttpResponse = super().change_view(request, object_id, form_url, context)
        return page

    def reset_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Say what a reset of a member's second factor does (GET), or do it (POST)."""
        member = self.get_object(request, str(pk))
        if not isinstance(member, Membership):
            raise Http404
        if not selectors.can_reset_second_factor(member=member, actor=_user_of(request)):
            raise PermissionDenied
        page = reverse("admin:accounts_membership_change", args=[pk])
        if request.method == "POST":
            services.reset_second_factor(user=member.user, at=timezone.now())
            messages.success(request, gettext("The second factor of %(user)s was reset.") % {"user": member.user})
            return redirect(page)
        confirmation = Confirmation(
            title=gettext("Reset the second factor of %(user)s") % {"user": member.user},
            facts=[(gettext("User"), str(member.user)), (gettext("Brand"), str(member.brand))],
            effect=gettext(
                "The app, the security keys and the recovery codes of this person no longer work, and all their "
                "sessions end. Make sure first that the request comes from this person, who gets an email."
            ),
            label=gettext("Reset second factor"),
            back=page,
        )
        return render_confirmation(request, confirmation)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if change:
            services.change_role(brand=obj.brand, user_id=obj.user.uuid, role=Role(obj.role))
        else:
            super().save_model(request, obj, form, change)

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        services.remove_member(brand=obj.brand, user_id=obj.user.uuid)
        keys = selectors.list_keys_created_by(obj.user, brand=obj.brand, at=timezone.now()).count()
        if keys:
            text = ngettext(
                "%(user)s created %(number)s API key that still works. Review it in the list of API keys.",
                "%(user)s created %(number)s API keys that still work. Review them in the list of API keys.",
                keys,
            )
            messages.warning(request, text % {"user": obj.user, "number": keys})

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Membership]) -> None:
        for member in queryset.select_related("brand", "user"):
            self.delete_model(request, member)


@admin.register(Invitation)
class InvitationAdmin(BrandOwnerAdmin):
    """Invitations to brand staff. Deleting a pending invitation cancels it: its link no longer works."""

    list_display = ("email", "brand", "role", "status", "invited_by", created, expires)
    actions = ("resend",)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"role": Role.VIEWER, **super().get_changeform_initial_data(request)}  # the fewest rights

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[Any, ...]:
        details = ("invited_by_text", created, expires, accepted) if obj else ()
        return ("brand", "email", "role", *details)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[Any, ...]:
        return ("invited_by_text", created, expires, accepted)

    @display(description=_("Invited by"))
    def invited_by_text(self, invitation: Invitation) -> str:
        return str(invitation.invited_by or EMPTY_VALUE)  # plain text, as in the list of staff

    @display(description=_("Status"), label={"pending": "info", "accepted": "success", "expired": "warning"})
    def status(self, invitation: Invitation) -> tuple[str, str]:
        if invitation.accepted_at:
            return "accepted", gettext("Accepted")
        if invitation.expires_at > timezone.now():
            return "pending", gettext("Pending")
        return "expired", gettext("Expired")

    @admin.action(description=_("Resend (valid for 7 days)"))
    def resend(self, request: HttpRequest, queryset: QuerySet[Invitation]) -> None:
        for invitation in queryset.filter(accepted_at=None):
            services.resend_invitation(invitation=invitation, at=timezone.now())
        self.message_user(request, gettext("Invitations resent."))

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return not (isinstance(obj, Invitation) and obj.accepted_at) and super().has_delete_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not self.has_brand_permission(request, BrandPermissions.OWN, obj):
            raise PermissionDenied
        invitation = services.invite(
            brand=obj.brand,
            email=obj.email,
            role=Role(obj.role),
            invited_by=_user_of(request),
            at=timezone.now(),
        )
        obj.pk = invitation.pk
