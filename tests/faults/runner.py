"""Fault runs of first logins: many clients, real web processes, a fault in the middle, and checks of the result."""

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
from tests.faults.conftest import keep_web_running
from tests.faults.load_clients import IssuedVoucher, LoadClients, find_response_errors, find_voucher_errors
from tests.platform import Platform, platform, wait_until
from vouchers.consistency import check
from vouchers.models import Campaign, FirstLogin
from vouchers.models import Voucher as VoucherRow
from vouchers.selectors import get_mailing_key

QUOTA, SHOPPERS = 100, 400


def create_shoppers() -> dict[int, str]:
    """Create the shoppers; return their Authorization headers by customer key."""
    users = User.objects.bulk_create(
        [
            User(username=f"s{n}", email=f"s{n}@example.com", email_verified_at=timezone.now(), password="!")
            for n in range(SHOPPERS)
        ]
    )
    customers = Customer.objects.bulk_create([Customer(customer_id=user.username, user=user) for user in users])
    at = timezone.now()
    return {
        customer.pk: f"Bearer {tokens_for(user=customer.user, at=at).access}" for customer in customers if customer.user
    }


@contextlib.contextmanager
def web(*, batching: bool = True, kill_step: str = "") -> Iterator[Platform]:
    """Run the web of the Procfile with four processes, each with a kill point at this step.

    Granian gives up when a process crashes right after its start, so a run kills the oldest one.
    """
    with platform() as system:
        system.environment |= {
            "BATCHING": str(batching).lower(), "KILL_STEP": kill_step, "KILL_DIR": str(system.data_dir),
            "WEB_WORKERS": "4",
        }  # fmt: skip
        command = procfile()["web"].replace("promoplatform.wsgi", "tests.faults.crashing_claims")
        with keep_web_running(system, ["/bin/sh", "-c", f"exec {command}"]):
            yield system


def list_workers(system: Platform) -> list[int]:
    """Return the IDs of web's running processes, the oldest first."""
    with contextlib.suppress(KeyError, OSError):  # all of web may be restarting
        pid = system.processes["web"].pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def oldest_worker(system: Platform) -> int:
    """Return the process that has run longest."""
    wait_until(lambda: list_workers(system), "web serves")
    return list_workers(system)[0]


def kill_web(system: Platform) -> None:
    """Kill all of web at once (SIGKILL)."""
    wait_until(lambda: list_workers(system), "web serves")
    os.killpg(system.processes["web"].pid, signal.SIGKILL)


@dataclass
class TrialRun:
    """Trials with the same shoppers, each on its own campaign, with one kind of fault."""

    platform: Platform
    fault: str
    keyed: bool = False
    score: results.Score = field(init=False)
    errors: list[str] = field(default_factory=list)
    brand: Brand = field(default_factory=BrandFactory)
    credentials: dict[int, str] = field(default_factory=create_shoppers)

    def __post_init__(self) -> None:
        self.score = results.Score(self.fault)
        results.SCORES.append(self.score)

    def run_trial(self, inject_fault: Callable[[Campaign], object], *, after: int) -> LoadClients:
        """Run one trial: inject the fault after a number of responses, then compare all results with the tables."""
        campaign = CampaignFactory(brand=self.brand, quota=QUOTA)
        clients = LoadClients(self.platform.port, campaign.slug, self.credentials, keyed=self.keyed)
        try:
            clients.send_all(lambda: inject_fault(campaign), after=after)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self._defects()}") from error
        connection.close()  # PostgreSQL may have been restarted
        vouchers = [
            IssuedVoucher(row.customer_id, str(row.pk), row.rank)
            for row in VoucherRow.objects.filter(campaign=campaign)
        ]
        table_errors = find_voucher_errors(quota=QUOTA, logins=SHOPPERS, vouchers=vouchers) + find_row_errors(
            campaign, vouchers
        )
        response_errors = find_response_errors(clients.responses, vouchers)
        response_errors += find_response_errors(clients.repeat([voucher.customer for voucher in vouchers]), vouchers)
        self.score.add(clients, vouchers_right=not table_errors, answers_right=not response_errors)
        self.errors += table_errors + response_errors
        return clients

    def _defects(self) -> str:
        """Return the errors that web has logged."""
        lines = (self.platform.data_dir / "web.log").read_text(errors="replace").splitlines()
        return "\n".join(line for line in lines if '"level": "error"' in line)[-8000:]

    def check_results(self) -> None:
        """Check that no trial had errors and that the consistency check finds no difference."""
        print(*results.format_table()[:2], results.format_table()[-1], sep="\n")
        assert self.errors == []
        output = StringIO()
        try:
            call_command("check_consistency", stdout=output, stderr=output)
        except SystemExit:
            raise AssertionError(output.getvalue()) from None


def find_row_errors(campaign: Campaign, vouchers: list[IssuedVoucher]) -> list[str]:
    """Return errors besides the vouchers: each first login is stored, and one mail is planned per voucher."""
    errors = list(check(at=timezone.now(), repair=False))
    logins = FirstLogin.objects.filter(campaign=campaign).count()
    if logins != SHOPPERS:
        errors.append(f"{logins} first logins of {SHOPPERS}")
    mails = Counter(Mail.objects.filter(mailing__key=get_mailing_key(campaign.pk)).values_list("recipient", flat=True))
    if mails != dict.fromkeys((voucher.customer for voucher in vouchers), 1):
        errors.append(f"{mails.total()} mails to {len(mails)} for {len(vouchers)} winners")
    return errors
