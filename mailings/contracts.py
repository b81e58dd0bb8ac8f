"""Values and protocols for builders of emails and for mail backends."""

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol, runtime_checkable

# Placeholders for each recipient's own values, replaced by the provider, or here for backends that cannot do it.
# No tag may be part of another, since the provider replaces them in any order.
NAME_TAG = "-mail-name-"
NAME_HTML_TAG = "-mail-html-name-"  # the same, escaped for HTML
PERSONAL_TAG = "-mail-word-"  # text for this recipient only, such as a code
UNSUBSCRIBE_TAG = "-mail-unsubscribe-"  # URL of this recipient's unsubscribe page

MAX_BATCH = 1000  # personalizations in one request to the provider


class MailStatus(enum.StrEnum):
    """Status of an email."""

    PLANNED = "planned"
    SENDING = "sending"  # claimed by one worker
    SENT = "sent"  # accepted by the provider
    FAILED = "failed"  # rejected permanently, or bounced
    SUPPRESSED = "suppressed"  # unsubscribed, or no longer to be sent
    UNKNOWN = "doubtful"  # no response, perhaps sent; only a person can resend it


class MailingStatus(enum.StrEnum):
    """Status of a mailing."""

    PLANNING = "planning"
    SENDING = "sending"
    DONE = "done"


class Reason(enum.StrEnum):
    """Reason why an address is suppressed."""

    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    UNSUBSCRIBE = "unsubscribe"


class Recipient(NamedTuple):
    """A recipient. ``key`` is the planner's number, unique within the mailing; ``personal_text`` is theirs only."""

    key: int
    address: str
    name: str = ""
    personal_text: str = ""


class ClaimedMail(NamedTuple):
    """An email that is about to be sent: its ID, the planner's number of its recipient, and the personal text."""

    id: int
    recipient: int
    personal_text: str


@dataclass(frozen=True, slots=True)
class Content:
    """The content of a mailing in one language, with tags for each recipient's own values.

    ``format_personal_text`` returns the stored personal text as recipients read it.
    """

    subject: str
    text: str
    html: str
    from_name: str = ""
    reply_to: str = ""
    format_personal_text: Callable[[str], str] = str


@dataclass(frozen=True, slots=True)
class RenderedMail:
    """One recipient's copy.

    The provider's events contain ``id``. ``unsubscribe_url`` is empty for emails without unsubscription.
    """

    id: int
    address: str
    name: str = ""
    unsubscribe_url: str = ""
    personal_text: str = ""


class Outcome(enum.Enum):
    """Outcome of an attempt to send emails."""

    ACCEPTED = "accepted"
    RETRY = "again"  # certainly not accepted; can be sent again later
    REJECTED = "refused"  # certainly not accepted, and would be rejected again
    UNKNOWN = "doubtful"  # perhaps accepted


@dataclass(frozen=True, slots=True)
class SendResult:
    """Result of a request. ``failed_indexes`` are rejected positions in the batch; ``wait`` is in seconds."""

    outcome: Outcome
    error: str = ""
    message_id: str = ""
    failed_indexes: frozenset[int] = frozenset()
    wait: int = 0


@runtime_checkable
class BatchBackend(Protocol):
    """A mail backend that sends a content to up to ``MAX_BATCH`` recipients in one request, all or none of them."""

    def send_batch(self, *, content: Content, mails: Sequence[RenderedMail]) -> SendResult:
        """Send the content to the recipients."""
        ...


class ContentBuilder(Protocol):
    """A function that builds a mailing's content from its key and data, or returns None if it should not be sent.

    It is called once per language of the recipients, with that language active.
    """

    def __call__(self, *, key: str, data: Mapping[str, Any], at: datetime) -> Content | None: ...


class LanguageReader(Protocol):
    """A function that returns, right before sending, the languages of the emails by ID.

    Emails that should no longer be sent, such as those to customers who have unsubscribed, are absent. An empty
    language stands for the platform's.
    """

    def __call__(self, *, sender: str, mails: Sequence[ClaimedMail]) -> Mapping[int, str]: ...


@dataclass(frozen=True, slots=True)
class MailType:
    """A type of mailing, stored by its dotted path. ``label`` names it in the admin.

    Without ``read_languages``, every email is sent, in the platform's language.
    """

    build: ContentBuilder
    read_languages: LanguageReader | None = None
    label: Any = ""  # a text that may be translated lazily
