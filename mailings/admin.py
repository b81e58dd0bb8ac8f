"""Mailings, their mails and suppressed addresses, for platform admins."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.decorators import action, display

from backoffice.base.admin import EstimatingPaginator, ServiceErrorAdmin
from mailings import selectors
from mailings.models import Mail, Mailing, Suppression
from mailings.services import sending

STATES = {
    "planned": "info",
    "sending": "info",
    "sent": "success",
    "done": "success",
    "failed": "danger",
    "doubtful": "warning",
}


class SuperuserAdmin(ServiceErrorAdmin):
    """For platform admins alone; rows are made by the platform, not by hand."""

    show_full_result_count = False
    paginator = EstimatingPaginator

    def _is_superuser(self, request: HttpRequest) -> bool:
        return bool(request.user.is_active and getattr(request.user, "is_superuser", False))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self._is_superuser(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._is_superuser(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Mailing)
class MailingAdmin(SuperuserAdmin):
    """How far each mailing is."""

    list_display = ("key", "sender_name", "status_label", "created_at")
    list_filter = ("status", "marketing")
    search_fields = ("key", "sender_name")
    readonly_fields = ("progress",)

    @display(description="State", label=STATES)
    def status_label(self, mailing: Mailing) -> str:
        return mailing.status

    @display(description="Mails by state")
    def progress(self, mailing: Mailing) -> str:
        return (
            ", ".join(f"{mails:,} {state}" for state, mails in sorted(selectors.counts(key=mailing.key).items()))
            or "none"
        )


@admin.register(Mail)
class MailAdmin(SuperuserAdmin):
    """Each copy and what became of it; doubtful and failed ones can be sent again, deliberately."""

    list_display = ("address", "mailing", "status_label", "attempts", "sent_at", "error")
    list_filter = ("status",)
    list_select_related = ("mailing",)
    search_fields = ("=address", "=message_id")
    ordering = ("-id",)
    actions = ("resend",)

    @display(description="State", label=STATES)
    def status_label(self, mail: Mail) -> str:
        return mail.status

    @action(description="Send again (a doubtful mail may then arrive twice)", permissions=["resend"])
    def resend(self, request: HttpRequest, queryset: QuerySet[Mail]) -> None:
        found = sending.resend(mail_ids=list(queryset.values_list("pk", flat=True)), at=timezone.now())
        messages.success(request, f"To be sent again: {found}.")

    def has_resend_permission(self, request: HttpRequest) -> bool:
        return self._is_superuser(request)


class SuppressionForm(forms.ModelForm):  # type: ignore[type-arg]
    """An address in any case, kept in lower case."""

    class Meta:
        model = Suppression
        fields = ("address", "sender", "reason", "note")

    def clean_address(self) -> str:
        return str(self.cleaned_data["address"]).lower()


@admin.register(Suppression)
class SuppressionAdmin(SuperuserAdmin):
    """Addresses that are left alone; one may be added by hand, and taken off when its owner asks."""

    list_display = ("address", "reason", "sender", "created_at")
    list_filter = ("reason",)
    search_fields = ("=address",)
    form = SuppressionForm

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._is_superuser(request)
