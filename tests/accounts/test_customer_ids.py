"""Customer IDs are stored and compared without case and surrounding space, wherever they enter."""

import importlib
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone

from accounts.contracts import Shopper, is_customer_id
from accounts.models import Customer
from accounts.selectors import get_shopper
from accounts.services import get_or_create_customer, get_or_create_customers
from redemptions.codes import services as codes
from redemptions.codes.models import Code
from segments import services as segments
from segments.customer_id_files import CSV, NDJSON, CustomerIdReader
from segments.models import AudienceMember
from tests.code_batches import import_codes
from tests.factories import BrandFactory, CampaignFactory, CustomerFactory, PromotionFactory, UserFactory
from vouchers.contracts import LoginEvent
from vouchers.models import FirstLogin
from vouchers.services import process_events

pytestmark = pytest.mark.django_db
SPELLINGS = ["ann@mail.example", " Ann@Mail.Example", "ANN@MAIL.EXAMPLE\t"]


def customer_ids() -> list[str]:
    return list(Customer.objects.order_by("pk").values_list("customer_id", flat=True))


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_is_one_customer(spelling: str) -> None:
    ann = CustomerFactory(customer_id=spelling)

    assert [get_shopper(one) for one in SPELLINGS] == [Shopper(ann.pk, SPELLINGS[0])] * 3
    assert {get_or_create_customer(shopper=Shopper(None, one)).id for one in SPELLINGS} == {ann.pk}
    assert get_or_create_customers(customer_ids=SPELLINGS) == dict.fromkeys(SPELLINGS, ann.pk)
    assert customer_ids() == SPELLINGS[:1]


def test_spellings_of_a_new_customer_create_one_row() -> None:
    keys = get_or_create_customers(customer_ids=[*SPELLINGS, "Bob"])

    assert len(set(keys.values())) == 2
    assert customer_ids() == ["ann@mail.example", "bob"]


@pytest.mark.parametrize("spelling", SPELLINGS[1:])
def test_the_database_stores_no_other_spelling(spelling: str) -> None:
    with pytest.raises(IntegrityError, match="accounts_customer_id_canonical"), transaction.atomic():
        insert_customer(spelling.strip("\t"))

    assert customer_ids() == []


@pytest.mark.parametrize(
    ("text", "is_valid"), [(" a ", True), ("   ", False), (" " + "a" * 100, True), ("İ" * 60, False)]
)
def test_only_the_canonical_form_counts_for_the_length(text: str, is_valid: bool) -> None:
    assert is_customer_id(text) == is_valid


def test_audiences_contain_a_customer_once() -> None:
    brand = BrandFactory()

    segments.apply_audience(brand=brand, segment_type="vip", operation="add", customer_ids=SPELLINGS)
    segments.apply_audience(brand=brand, segment_type="vip", operation="add", customer_ids=["Ann@mail.example"])

    assert list(AudienceMember.objects.values_list("customer__customer_id", flat=True)) == ["ann@mail.example"]


@pytest.mark.parametrize(
    ("media_type", "text"),
    [
        (CSV, b"customer_id\nAnn\nBOB\n"),
        (CSV, b"customer_id\n Ann \n Bob\n"),
        (NDJSON, b'"x"\n"Ann"\n"BOB"\n'),
        (NDJSON, b'"x"\n{"customer_id": "Ann"}\n{"customer_id": "BOB"}\n'),
        (NDJSON, b'"x"\n{"customer_id": " Ann", "name": 1}\n"BOB "\n'),
    ],
)
def test_files_yield_canonical_ids(media_type: str, text: bytes) -> None:
    heading, rest = text.split(b"\n", 1)

    blocks = b"".join(CustomerIdReader(media_type).read([heading + b"\n", rest]))

    assert blocks.removeprefix(b"x\n") == b"ann\nbob\n"


def test_codes_are_assigned_to_a_customer_once() -> None:
    imported = import_codes(PromotionFactory(trigger="code"), ["code", "AAAA", "BBBB", "CCCC"])

    result = codes.assign_to_customers(batch=imported.batch, customer_ids=SPELLINGS, notify=False, at=timezone.now())

    assert (result.assigned, result.already_assigned) == (1, 0)
    assert Code.objects.get(customer__isnull=False).customer == Customer.objects.get(customer_id="ann@mail.example")


def test_login_events_of_a_customer_count_once() -> None:
    campaign = CampaignFactory(slug="spring", quota=2)
    at = campaign.start_date

    process_events(events=[LoginEvent(f"e{n}", spelling, at, "spring") for n, spelling in enumerate(SPELLINGS)])

    assert FirstLogin.objects.get().customer.customer_id == "ann@mail.example"


def insert_customer(customer_id: str, user: Any = None) -> int:
    """Insert a row past the model, as an earlier release did."""
    with connection.cursor() as cursor:
        sql = "INSERT INTO accounts_customer (customer_id, user_id) VALUES (%s, %s) RETURNING id"
        cursor.execute(sql, [customer_id, None if user is None else user.pk])
        return int(cursor.fetchone()[0])


def test_the_migration_keeps_customers_apart_that_were_several() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE accounts_customer DROP CONSTRAINT accounts_customer_id_canonical")
    user = UserFactory()
    keys = {
        name: insert_customer(customer_id, of)
        for name, customer_id, of in [
            ("plain", "zoe", None), ("alone", " Bob", None), ("guest", "ann", None), ("member", "ANN", user),
            ("first", "EVE", None), ("second", "Eve", None), ("umlaut", "ÄNNE", None), ("long", "X" * 100, None),
            ("other", "x" * 100, None),
        ]
    }  # fmt: skip
    migration = importlib.import_module("accounts.migrations.0011_alter_customer_ids")
    apps = MigrationLoader(connection).project_state(("accounts", "0010_add_browser_origins")).apps

    migration.canonicalize(apps, None)

    stored = dict(Customer.objects.values_list("pk", "customer_id"))
    long = keys["long"]
    assert {name: stored[key] for name, key in keys.items()} == {
        "plain": "zoe", "alone": "bob", "guest": f"ann#{keys['guest']}", "member": "ann", "first": "eve",
        "second": f"eve#{keys['second']}", "umlaut": "änne", "long": "x" * (99 - len(str(long))) + f"#{long}",
        "other": "x" * 100,
    }  # fmt: skip


def test_a_shopper_may_name_themselves_in_any_spelling(shopper_client: Any) -> None:
    customer = CustomerFactory(customer_id="ann", user=UserFactory())

    def ask(named: str) -> int:
        status: int = shopper_client(customer.user).get("/api/v1/checkout/offers/", {"customer_id": named}).status_code
        return status

    assert [ask("ann"), ask(" ANN"), ask("bob")] == [200, 200, 403]
