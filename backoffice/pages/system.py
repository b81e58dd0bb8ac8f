"""Pages of the platform's machinery, for platform admins: promised tasks and the schedule."""

from typing import Any, ClassVar

from celery.schedules import ParseException, crontab_parser
from django import forms
from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django_celery_beat import admin as beat
from django_celery_beat.models import ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from backoffice.base.admin import EstimatingPaginator, SuperuserAdmin
from backoffice.base.formatting import EMPTY_VALUE, format_datetime
from core import outbox
from core.models import OutboxMessage


class FailedFilter(admin.SimpleListFilter):
    """Waiting for their turn, or set aside."""

    title, parameter_name = "state", "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("waiting", "Waiting"), ("parked", "Parked")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[OutboxMessage]) -> QuerySet[OutboxMessage]:
        if self.value() not in ("waiting", "parked"):
            return queryset
        return queryset.filter(dead_lettered_at__isnull=self.value() == "waiting")


@admin.register(OutboxMessage)
class OutboxMessageAdmin(SuperuserAdmin):
    """Tasks that were promised and are not done yet. A parked one failed too often and waits for a person."""

    list_display = ("task", "state", "subject", "attempts", "created", "due_at", "error")
    list_filter = (FailedFilter,)
    search_fields = ("task",)
    ordering = ("-pk",)
    list_per_page = 50
    show_full_result_count = False
    paginator = EstimatingPaginator
    actions = ("requeue",)
    fields = ("task", "state", "subject", "attempts", "created", "due_at", "last_error")

    @display(description="state", label={"waiting": "info", "due": "warning", "parked": "danger"})
    def state(self, message: OutboxMessage) -> str:
        if message.dead_lettered_at:
            return "parked"
        return "due" if message.due_at <= timezone.now() else "waiting"

    @display(description="about")
    def subject(self, message: OutboxMessage) -> str:
        return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in message.kwargs.items()) or EMPTY_VALUE

    @display(description="promised (UTC)", ordering="created_at")
    def created(self, message: OutboxMessage) -> str:
        return format_datetime(message.created_at, "UTC")

    @display(description="due (UTC)", ordering="due_at")
    def due_at(self, message: OutboxMessage) -> str:
        return format_datetime(message.due_at, "UTC")

    @display(description="last error")
    def error(self, message: OutboxMessage) -> str:
        text = message.last_error
        return text[:80] + ("…" if len(text) > 80 else "")

    @admin.action(description="Send parked tasks again", permissions=["requeue"])
    def requeue(self, request: HttpRequest, queryset: QuerySet[OutboxMessage]) -> None:
        found = outbox.requeue(message_ids=list(queryset.values_list("pk", flat=True)))
        messages.success(request, f"{found} parked tasks are sent again." if found else "None of these is parked.")

    def has_requeue_permission(self, request: HttpRequest) -> bool:
        return self._superuser(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class ThemedTaskSelect(UnfoldAdminSelectWidget, beat.TaskSelectWidget):
    """The registered tasks to choose from."""


class ThemedTaskForm(beat.PeriodicTaskForm):
    """The schedule's own form in the theme's clothes."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["task"].widget = UnfoldAdminTextInputWidget()
        self.fields["regtask"].widget = ThemedTaskSelect()


class CrontabForm(forms.ModelForm):  # type: ignore[type-arg]
    """Says of each part which beat could not read that it cannot; the model's own check fails over some."""

    PARTS: ClassVar[dict[str, crontab_parser]] = {
        "minute": crontab_parser(60), "hour": crontab_parser(24), "day_of_month": crontab_parser(31, 1),
        "month_of_year": crontab_parser(12, 1), "day_of_week": crontab_parser(7),
    }  # fmt: skip

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or self.cleaned_data
        for name in self.PARTS.keys() & found.keys():
            try:
                self.PARTS[name].parse(found[name])
            except (ParseException, ValueError) as error:
                self.add_error(name, f"Beat cannot read this: {error}")
        return found


for model in (ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule):
    admin.site.unregister(model)


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(SuperuserAdmin, beat.PeriodicTaskAdmin):
    """What beat starts, and when."""

    form = ThemedTaskForm
    list_filter = ("enabled", "one_off")


@admin.register(CrontabSchedule)
class CrontabScheduleAdmin(SuperuserAdmin, beat.CrontabScheduleAdmin):
    """Times of the day."""

    form = CrontabForm


@admin.register(IntervalSchedule)
class IntervalScheduleAdmin(SuperuserAdmin, beat.IntervalScheduleAdmin):
    """Every so often."""


@admin.register(ClockedSchedule)
class ClockedScheduleAdmin(SuperuserAdmin, beat.ClockedScheduleAdmin):
    """Once, at an instant."""


@admin.register(SolarSchedule)
class SolarScheduleAdmin(SuperuserAdmin):
    """With the sun."""
