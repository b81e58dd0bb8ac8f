"""What builders of mails and backends rely on."""

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol, runtime_checkable

# What stands in a built text where each recipient's own words go: filled in by the provider, or here when it cannot.
# None is
# part of another, since the provider replaces them in an order of its own.
NAME_TAG = "-mail-name-"
NAME_HTML_TAG = "-mail-html-name-"  # the same, escaped for HTML
PERSONAL_TAG = "-mail-word-"  # a word that is this recipient's alone, such as a code
UNSUBSCRIBE_TAG = "-mail-unsubscribe-"  # the address of this recipient's unsubscribe page

MAX_BATCH = 1000  # personalisations in one request to the provider


class MailStatus(enum.StrEnum):
    """What became of one mail."""

    PLANNED = "planned"
    SENDING = "sending"  # claimed by a worker; nobody else touches it
    SENT = "sent"  # the provider has taken it over
    FAILED = "failed"  # refused for good, or bounced
    SUPPRESSED = "suppressed"  # the recipient does not want it, or it is no longer wanted at all
    UNKNOWN = "doubtful"  # handed over without an answer: perhaps sent; only a person sends it again


class MailingStatus(enum.StrEnum):
    """How far a mailing is."""

    PLANNING = "planning"
    SENDING = "sending"
    DONE = "done"


class Reason(enum.StrEnum):
    """Why an address is left alone."""

    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    UNSUBSCRIBE = "unsubscribe"


class Recipient(NamedTuple):
    """Who gets a mail. ``key``: the planner's own number of them, unique within the mailing; ``word``: theirs alone."""

    key: int
    address: str
    name: str = ""
    personal_text: str = ""


@dataclass(frozen=True, slots=True)
class Content:
    """A mail as everybody gets it, with tags where each recipient's own words go."""

    subject: str
    text: str
    html: str
    from_name: str = ""
    reply_to: str = ""


@dataclass(frozen=True, slots=True)
class RenderedMail:
    """One recipient's copy. ``id`` comes back with the provider's events; ``unsubscribe_url`` is empty where none is
    offered.
    """

    id: int
    address: str
    name: str = ""
    unsubscribe_url: str = ""
    personal_text: str = ""


class Outcome(enum.Enum):
    """What an attempt to hand mails over came to."""

    ACCEPTED = "accepted"
    RETRY = "again"  # certainly not taken over; may be sent again later
    REJECTED = "refused"  # certainly not taken over, and would be refused again
    UNKNOWN = "doubtful"  # perhaps taken over


@dataclass(frozen=True, slots=True)
class SendResult:
    """What one request came to. ``culprits`` are positions in the batch that a refusal names; ``wait`` is seconds."""

    outcome: Outcome
    error: str = ""
    message_id: str = ""
    failed_indexes: frozenset[int] = frozenset()
    wait: int = 0


@runtime_checkable
class BatchBackend(Protocol):
    """A mail backend that takes up to ``MAX_BATCH`` letters of one content in one request, all or none of them."""

    def send_batch(self, *, content: Content, letters: Sequence[RenderedMail]) -> SendResult: ...


class ContentBuilder(Protocol):
    """Makes a mailing's content from its opaque key and data; None when it should no longer be sent."""

    def __call__(self, *, key: str, data: Mapping[str, Any], at: datetime) -> Content | None: ...


@dataclass(frozen=True, slots=True)
class MailType:
    """A kind of mailing, named by its dotted path. ``wanted`` says right before sending who of the recipients still
    agrees.
    """

    build: ContentBuilder
    wanted: Callable[[Sequence[int]], set[int]] | None = None
