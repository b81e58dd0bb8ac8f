"""Trials of first logins: a crowd of real clients at real web processes, a fault in the middle, and what must hold."""

import contextlib
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path

from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from accounts.models import Brand, Customer, User
from accounts.services import tokens_for
from mailings.models import Mail
from promoplatform.devserver.supervisor import procfile
from tests.factories import BrandFactory, CampaignFactory
from tests.faults import results
from tests.faults.conftest import kept_up
from tests.faults.load_clients import Crowd, Voucher, wrong_answers, wrong_vouchers
from tests.platform import Platform, platform, until
from vouchers.consistency import check
from vouchers.models import Campaign, FirstLogin
from vouchers.models import Voucher as Row
from vouchers.selectors import get_mailing_key

QUOTA, SHOPPERS = 100, 400


def shoppers() -> dict[int, str]:
    """Those who come: each customer's key, and the Authorization header of the user who they are."""
    users = User.objects.bulk_create(
        [User(username=f"s{n}", email=f"s{n}@example.com", password="!") for n in range(SHOPPERS)]
    )
    customers = Customer.objects.bulk_create([Customer(customer_id=user.username, user=user) for user in users])
    at = timezone.now()
    return {one.pk: f"Bearer {tokens_for(user=one.user, at=at).access}" for one in customers if one.user}


@contextlib.contextmanager
def web(*, batching: bool = True, die_at: str = "") -> Iterator[Platform]:
    """The web of the Procfile with four processes, each ready to die at this step when it is doomed.

    Granian gives up when one dies that it has just begun, so a trial kills the oldest.
    """
    with platform() as parts:
        parts.environment |= {
            "BATCHING": str(batching).lower(), "DIE_AT": die_at, "DOOMED": str(parts.home), "WEB_WORKERS": "4",
        }  # fmt: skip
        command = procfile()["web"].replace("promoplatform.wsgi", "tests.faults.crashing_claims")
        with kept_up(parts, ["/bin/sh", "-c", f"exec {command}"]):
            yield parts


def workers(parts: Platform) -> list[int]:
    """Web's serving processes that live now, the oldest first."""
    with contextlib.suppress(KeyError, OSError):  # all of web may be starting anew
        pid = parts.parts["web"].pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def oldest(parts: Platform) -> int:
    """The process that has served longest."""
    until(lambda: workers(parts), "web serves")
    return workers(parts)[0]


def kill_web(parts: Platform) -> None:
    """kill -9 of all of web at once."""
    until(lambda: workers(parts), "web serves")
    os.killpg(parts.parts["web"].pid, signal.SIGKILL)


@dataclass
class Trials:
    """Bursts of the same shoppers, each at a campaign of its own, under one kind of fault."""

    parts: Platform
    fault: str
    keyed: bool = False
    score: results.Score = field(init=False)
    wrong: list[str] = field(default_factory=list)
    brand: Brand = field(default_factory=BrandFactory)
    credentials: dict[int, str] = field(default_factory=shoppers)

    def __post_init__(self) -> None:
        self.score = results.Score(self.fault)
        results.SCORES.append(self.score)

    def burst(self, strike: Callable[[Campaign], object], *, after: int) -> Crowd:
        """One trial: after so many answers the fault strikes; in the end all is compared with the tables."""
        campaign = CampaignFactory(brand=self.brand, quota=QUOTA)
        crowd = Crowd(self.parts.port, campaign.slug, self.credentials, keyed=self.keyed)
        try:
            crowd.come(lambda: strike(campaign), after=after)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self._defects()}") from error
        connection.close()  # PostgreSQL may have been restarted
        vouchers = [Voucher(row.customer_id, str(row.pk), row.rank) for row in Row.objects.filter(campaign=campaign)]
        amiss = wrong_vouchers(quota=QUOTA, came=SHOPPERS, vouchers=vouchers) + wrong_rows(campaign, vouchers)
        lies = wrong_answers(crowd.told, vouchers)
        lies += wrong_answers(crowd.ask_again([one.customer for one in vouchers]), vouchers)
        self.score.add(crowd, vouchers_right=not amiss, answers_right=not lies)
        self.wrong += amiss + lies
        return crowd

    def _defects(self) -> str:
        """What web has said that it should not have to say."""
        said = (self.parts.home / "web.log").read_text(errors="replace").splitlines()
        return "\n".join(line for line in said if '"level": "error"' in line)[-8000:]

    def judge(self) -> None:
        """Nothing was wrong in any of them, and no ledger differs."""
        print(*results.table()[:2], results.table()[-1], sep="\n")
        assert self.wrong == []
        said = StringIO()
        try:
            call_command("audit_ledgers", stdout=said, stderr=said)
        except SystemExit:
            raise AssertionError(said.getvalue()) from None


def wrong_rows(campaign: Campaign, vouchers: list[Voucher]) -> list[str]:
    """What is wrong beside the vouchers: everybody's first login is written down, and a mail is planned per winner."""
    wrong = list(check(at=timezone.now(), repair=False))
    came = FirstLogin.objects.filter(campaign=campaign).count()
    if came != SHOPPERS:
        wrong.append(f"{came} first logins of {SHOPPERS}")
    mails = Counter(Mail.objects.filter(mailing__key=get_mailing_key(campaign.pk)).values_list("recipient", flat=True))
    if mails != dict.fromkeys((one.customer for one in vouchers), 1):
        wrong.append(f"{mails.total()} mails to {len(mails)} for {len(vouchers)} winners")
    return wrong
