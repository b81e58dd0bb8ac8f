"""Questions about mailings; writes nothing."""

from datetime import datetime

from django.db.models import Count, Exists, OuterRef

from promoplatform.kernel.mail import rules
from promoplatform.kernel.mail.contracts import Phase, State
from promoplatform.kernel.mail.models import Mail, Mailing


def counts(*, key: str) -> dict[str, int]:
    """How many mails of the mailing are in each state; nothing for a mailing that was never planned."""
    rows = Mail.objects.filter(mailing__key=key).values_list("state").annotate(mails=Count("pk"))
    return {State(state).value: mails for state, mails in rows}


def progress(*, key: str) -> dict[str, int]:
    """``{"planned", "sent", "failed"}`` of the mailing, counted from its rows."""
    return rules.progress(counts(key=key))


def next_mailing(*, at: datetime) -> Mailing | None:
    """The mailing whose due mails go first: what people wait for before what is advertised, then the older one."""
    due = Mail.objects.filter(mailing=OuterRef("pk"), state=State.PLANNED, due_at__lte=at)
    return Mailing.objects.exclude(state=Phase.DONE).filter(Exists(due)).order_by("marketing", "id").first()
