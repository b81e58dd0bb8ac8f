"""Erasures: nothing names the customer afterwards, and sums, limits and results stay as they were."""

import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction
from django.test import Client

from accounts import services as accounts
from accounts.contracts import Shopper
from accounts.models import Brand, Customer, CustomerProfile, PrivacyRequest, User
from accounts.selectors import shopper_of
from checkout import services
from checkout.models import Redemption
from core.models import IdempotencyKey, OutboxMessage
from core.outbox import enqueue_on_commit
from core.privacy import PersonalTable
from discounts.models import Usage
from mailings.models import Mail, Suppression
from redemptions.events.models import Event
from redemptions.limits.models import Limit
from redemptions.results.services.rollup import roll_up
from redemptions.uses.models import OfferUse
from segments.models import AudienceMember, CustomerSlots, Segment, SegmentMember
from tests.factories import (
    BrandFactory,
    CustomerFactory,
    DiscountCodeFactory,
    MembershipFactory,
    ShopperFactory,
    UserFactory,
)
from tests.factories.accounts import PASSWORD
from tests.personal_history import (
    Offers,
    add_to_audience,
    address_of,
    assign_codes,
    create_history,
    create_offers,
    find_texts,
    identities_of,
    place_order,
    return_order,
    texts_of,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def offers(billo: Brand, at: datetime) -> Offers:
    return create_offers(billo, at)


@pytest.fixture
def cake_offers(at: datetime) -> Offers:
    return create_offers(BrandFactory(slug="cake"), at)


def create_account(name: str) -> Shopper:
    user = ShopperFactory(username=f"user-{name}", email=f"{name}@account.example", consents=True)
    Customer.objects.filter(user=user).update(customer_id=f"customer-{name}")
    User.objects.filter(pk=user.pk).update(phone=f"+3460000{len(name):04d}")
    return shopper_of(Customer.objects.select_related("user").get(user=user))


def create_guest(name: str) -> Shopper:
    return shopper_of(CustomerFactory(customer_id=f"guest-{name}"))


def user_of(who: Shopper) -> User:
    return User.objects.get(customer=who.key)


def fill(offers: Offers, people: Sequence[Shopper], at: datetime) -> None:
    for who in people:
        return_order(create_history(offers, who, at), at)
        place_order(replace(offers, order_code=DiscountCodeFactory(brand=offers.brand)), who, at)
    add_to_audience(offers.brand, people, at)
    assign_codes(offers, people, at)


def run() -> None:
    while left := accounts.run_erasures():
        assert PrivacyRequest.objects.exclude(status="completed").count() == left
        time.sleep(0.05)


def sums() -> dict[str, Any]:
    """Return what must stay: results, limits, and the numbers and sums of what was used."""
    roll_up()
    return {
        "limits": sorted(Limit.objects.filter(taken__gt=0).values_list("owner", "scope", "taken")),
        "uses": sorted(OfferUse.objects.values_list("offer_id", "redemption_id", "amount")),
        "orders": sorted(Redemption.objects.values_list("pk", "order", "total", "discount_total", "status")),
        "usages": Usage.objects.count(),
        "events": sorted(Event.objects.exclude(type="customer.erased").values_list("id", "type", "amount")),
    }


def assert_consistent() -> None:
    call_command("check_consistency")


# --- the whole customer -----------------------------------------------------------------------------------------------
def test_nothing_names_erased_customers_and_sums_stay(
    billo: Brand, offers: Offers, cake_offers: Offers, at: datetime
) -> None:
    erased = [create_account("erased-account"), create_guest("erased-guest")]
    kept = [create_account("kept"), create_guest("kept-guest")]
    for each in (offers, cake_offers):
        fill(each, [*erased, *kept], at)
    Suppression.objects.create(address="erased-account@account.example", reason="unsubscribe")
    texts = texts_of(erased, user_of(erased[0]))
    kept_texts = texts_of(kept, user_of(kept[0]))
    before, found = sums(), [row for row in find_texts(kept_texts) if row[0] != "redemptions_limit"]
    assert {table for table, _ in find_texts(texts)} >= {
        "accounts_user", "accounts_userevent", "accounts_customer", "accounts_customerprofile", "checkout_redemption",
        "mail_mail", "mail_suppression", "redemptions_limit",
    }  # fmt: skip

    for who in erased:
        accounts.request_erasure(customer_id=who.customer_id, at=at)
    run()

    assert find_texts(texts) == []
    assert [row for row in find_texts(kept_texts) if row[0] != "redemptions_limit"] == found
    assert sums() == before
    assert_consistent()


def test_what_was_used_stays_used(billo: Brand, offers: Offers, at: datetime) -> None:
    who = create_account("gone")
    place_order(offers, who, at)
    uses = Usage.objects.get()
    budget = Limit.objects.get(owner=offers.promotion.pk, scope="budget:EUR", slot="")

    accounts.request_erasure(customer_id=who.customer_id, at=at)
    run()

    uses.refresh_from_db()
    assert (uses.customer_id, Customer.objects.get(pk=who.key).customer_id[:7]) == (who.key, "erased-")
    assert Limit.objects.get(pk=budget.pk).taken == budget.taken > 0
    back = shopper_of(CustomerFactory(customer_id=who.customer_id))
    assert back.key != who.key
    assert place_order(offers, back, at).discount_total > 0  # a new customer as far as the platform knows
    assert Usage.objects.filter(code=offers.order_code).count() == 2
    assert_consistent()


def test_an_erased_order_is_still_refunded_and_released(billo: Brand, offers: Offers, at: datetime) -> None:
    who = create_guest("gone")
    paid = place_order(offers, who, at)
    reserved = place_order(replace(offers, order_code=DiscountCodeFactory(brand=billo)), who, at, is_confirmed=False)

    accounts.request_erasure(customer_id=who.customer_id, at=at)
    run()
    for order in (paid, reserved):
        order.refresh_from_db()
    services.cancel(redemption=reserved, at=at)
    return_order(paid, at)

    assert not Limit.objects.filter(taken__gt=0).exists()
    assert_consistent()


def test_limits_of_others_with_the_same_identity_stay(billo: Brand, offers: Offers, at: datetime) -> None:
    first, second = create_guest("parent"), create_guest("child")
    shared = replace(second, customer_id=first.customer_id)  # sends the same identity
    for who in (first, replace(shared, id=second.key)):
        place_order(replace(offers, order_code=DiscountCodeFactory(brand=billo)), who, at)
    scope = {"owner": offers.promotion.pk, "slot": identities_of(first).list_slots(billo.pk)[0]}
    assert Limit.objects.get(**scope).taken == 2

    accounts.request_erasure(customer_id=first.customer_id, at=at)
    run()

    assert Limit.objects.get(**scope).taken == 1
    assert Limit.objects.filter(owner=offers.promotion.pk, slot__startswith="erased:", taken=1).count() == 1
    assert_consistent()


def test_the_customer_leaves_audiences_and_segments(billo: Brand, offers: Offers, at: datetime) -> None:
    gone, stays = create_guest("gone"), create_guest("stays")
    add_to_audience(billo, [gone, stays], at)
    segment = Segment.objects.get()
    assert segment.members_count == 2

    accounts.request_erasure(customer_id=gone.customer_id, at=at)
    run()

    assert list(AudienceMember.objects.values_list("customer_id", flat=True)) == [stays.key]
    assert list(SegmentMember.objects.values_list("customer_id", flat=True)) == [stays.key]
    assert dict(CustomerSlots.objects.values_list("pk", "used")) == {gone.key: 0, stays.key: 1}
    changed = Segment.objects.get()
    assert (changed.members_count, changed.epoch) == (1, segment.epoch + 1)
    assert_consistent()


def test_planned_emails_are_not_sent(billo: Brand, offers: Offers, at: datetime) -> None:
    who = create_account("gone")
    assign_codes(offers, [who], at)
    assert Mail.objects.get().status == "planned"

    accounts.request_erasure(customer_id=who.customer_id, at=at)
    run()

    mail = Mail.objects.get()
    assert (mail.status, mail.address, mail.name, mail.personal_text) == ("suppressed", "", "", "")


def test_answers_and_tasks_that_name_the_customer_are_erased(server: Client, offers: Offers, at: datetime) -> None:
    cart = {"currency": "EUR", "lines": [{"id": "a", "sku": "shoe", "quantity": 1, "unit_price": "10.00"}]}
    answers = {}
    for name in ("guest-gone", "guest-stays"):
        body = json.dumps(cart | {"order": f"order of {name}", "customer_id": name})
        answers[name] = (body, server.post(
            "/api/v1/checkout/redemptions/", body, content_type="application/json", headers={"Idempotency-Key": name}
        ))  # fmt: skip
        assert answers[name][1].status_code == 201
    with transaction.atomic():
        enqueue_on_commit("accounts.send_password_reset", address="guest-gone")
        enqueue_on_commit("accounts.send_password_reset", address="guest-stays")

    accounts.request_erasure(customer_id="guest-gone", at=at)
    run()

    for name, status in (("guest-gone", 410), ("guest-stays", 201)):
        again = server.post(
            "/api/v1/checkout/redemptions/", answers[name][0], content_type="application/json",
            headers={"Idempotency-Key": name},
        )  # fmt: skip
        assert again.status_code == status
        assert (again.json().get("code") == "customer_erased") is (status == 410)
    assert IdempotencyKey.objects.count() == 2
    assert OutboxMessage.objects.get(task="accounts.send_password_reset").kwargs == {"address": "guest-stays"}


# --- one brand --------------------------------------------------------------------------------------------------------
def test_a_brand_erases_what_it_keeps_and_others_keep_theirs(
    billo: Brand, offers: Offers, cake_offers: Offers, at: datetime
) -> None:
    for who in (shared := create_account("shared"), guest := create_guest("only-billo")):
        for each in (offers, cake_offers) if who is shared else (offers,):
            fill(each, [who], at)
    before = sums()

    for who in (shared, guest):
        request = accounts.request_customer_erasure(
            brand=billo, customer_id=who.customer_id, user_key=None, api_key_id=None, at=at
        )
        assert request.status == "pending"
    run()

    of_billo = Redemption.objects.filter(brand=billo)
    names = set(of_billo.values_list("customer__customer_id", flat=True))
    assert len(names) == 2
    assert all(name.startswith("erased-") for name in names)
    assert not Event.objects.filter(brand=billo, customer=shared.key).exists()
    assert Redemption.objects.filter(brand=cake_offers.brand, customer=shared.key).count() == 2
    assert Event.objects.filter(brand=cake_offers.brand, customer=shared.key).exists()
    assert user_of(shared).is_active
    assert find_texts(texts_of([guest])) == []  # only Billo knew the guest
    kept = {table for table, _ in find_texts([shared.customer_id])}
    assert {"accounts_customer", "checkout_redemption"} >= kept & {"accounts_customer", "checkout_redemption"}
    assert "contact" not in json.dumps(list(of_billo.values_list("metadata", flat=True)))
    assert sums() == before
    assert_consistent()


def test_a_brand_that_keeps_nothing_learns_nothing(server: Client, cake_offers: Offers, at: datetime) -> None:
    who = create_guest("of-cake")
    place_order(cake_offers, who, at)

    known, unknown = (server.post(f"/api/v1/customers/{name}/erase/") for name in (who.customer_id, "nobody"))

    assert known.status_code == unknown.status_code == 404
    assert known.content == unknown.content
    assert not PrivacyRequest.objects.exists()


def test_merged_customers_are_erased_together(billo: Brand, offers: Offers, cake_offers: Offers, at: datetime) -> None:
    guest, who = create_guest("before"), create_account("after")
    for each in (offers, cake_offers):
        place_order(each, guest, at)
    services.merge_customers(brand=billo, source_id=guest.customer_id, target_id=who.customer_id, at=at)
    place_order(replace(offers, order_code=DiscountCodeFactory(brand=billo)), guest, at)

    accounts.request_erasure(customer_id=who.customer_id, at=at)
    run()

    assert find_texts(texts_of([who])) == []
    assert Redemption.objects.get(brand=cake_offers.brand).customer_id == guest.key  # Cake merged nobody
    assert not Event.objects.filter(brand=billo, customer=guest.key).exists()
    assert list(Event.objects.filter(type="customer.merged").values_list("data", flat=True)) == [{}]
    assert_consistent()


# --- who asks ---------------------------------------------------------------------------------------------------------
def test_a_shopper_asks_with_the_password(
    shopper: Client, user: User, offers: Offers, at: datetime, run_outbox: Callable[[], int]
) -> None:
    who = shopper_of(user.customer)
    texts = texts_of([who], user)
    place_order(offers, who, at)
    wrong = shopper.delete("/api/v1/me/", {"password": "wrong"}, content_type="application/json")
    assert (wrong.status_code, wrong.json()["code"]) == (401, "invalid_credentials")

    response = shopper.delete("/api/v1/me/", {"password": PASSWORD}, content_type="application/json")

    assert response.status_code == 202
    assert response.json()["status"] == "pending"
    assert shopper.get("/api/v1/me/").status_code == 401
    run_outbox()
    run()
    assert find_texts(texts) == []
    (event,) = Event.objects.filter(type="customer.erased")
    assert (event.brand, event.customer_id, event.data) == (offers.brand, who.key, {})


@pytest.mark.parametrize("is_superuser", [True, False])
def test_staff_leave_first(is_superuser: bool, shopper: Client, user: User, billo: Brand) -> None:
    if is_superuser:
        User.objects.filter(pk=user.pk).update(is_superuser=True)
    else:
        MembershipFactory(user=user, brand=billo)

    response = shopper.delete("/api/v1/me/", {"password": PASSWORD}, content_type="application/json")

    assert (response.status_code, response.json()["code"]) == (409, "account_has_roles")
    assert User.objects.get(pk=user.pk).is_active


def test_a_brand_follows_its_erasure(
    server: Client, brand_client: Callable[[Any], Client], offers: Offers, at: datetime
) -> None:
    who = create_guest("gone")
    place_order(offers, who, at)
    path = f"/api/v1/customers/{who.customer_id}/erase/"

    first, second = (server.post(path).json() for _ in range(2))

    assert first == second
    assert (first["status"], first["completed_at"]) == ("pending", None)
    assert who.customer_id not in json.dumps(first)
    run()
    after = server.get(f"/api/v1/erasures/{first['id']}/")
    assert after.json()["status"] == "completed"
    assert after.json()["completed_at"]
    assert server.post(path).status_code == 404
    other = brand_client(BrandFactory(slug="other")).get(f"/api/v1/erasures/{first['id']}/")
    assert other.status_code == 404


def test_an_operator_erases_a_customer(offers: Offers, at: datetime) -> None:
    who = create_guest("gone")
    place_order(offers, who, at)

    call_command("erase_customer", who.customer_id)
    run()  # transactions of other databases of the server may hold it back

    assert find_texts(texts_of([who])) == []
    assert PrivacyRequest.objects.get().status == "completed"


# --- in the admin -----------------------------------------------------------------------------------------------------
def test_the_admin_says_what_goes_and_asks(client: Client, offers: Offers, at: datetime) -> None:
    who = create_account("gone")
    texts = texts_of([who], user_of(who))
    place_order(offers, who, at)
    client.force_login(UserFactory(is_superuser=True))
    path = f"/admin/accounts/customer/{who.key}/"

    assert f"{path}erase/" in client.get(f"{path}change/").content.decode()
    page = client.get(f"{path}erase/").content.decode()
    assert "can&#x27;t be undone" in page
    assert who.customer_id in page
    assert user_of(who).is_active
    assert client.post(f"{path}erase/").status_code == 302

    assert not user_of(who).is_active
    run()
    assert find_texts(texts) == []


def test_only_platform_admins_erase_in_the_admin(client: Client, billo: Brand, at: datetime) -> None:
    who = create_guest("stays")
    client.force_login(MembershipFactory(brand=billo).user)

    for send in (client.get, client.post):
        assert send(f"/admin/accounts/customer/{who.key}/erase/").status_code == 403
    assert not PrivacyRequest.objects.exists()


# --- what happens at the same time ------------------------------------------------------------------------------------
@pytest.mark.parametrize("killed_at", ["accounts.User", "checkout.Redemption", "mail.Mail", "redemptions.OfferUse"])
def test_an_erasure_continues_after_a_crash(
    killed_at: str, billo: Brand, offers: Offers, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    erased, kept = [create_account("gone"), create_guest("gone-too")], create_guest("stays")
    fill(offers, [*erased, kept], at)
    texts = texts_of(erased, user_of(erased[0]))
    before = sums()
    for who in erased:
        accounts.request_erasure(customer_id=who.customer_id, at=at)
    work = PersonalTable.erase_rows
    crashes: list[PersonalTable] = []

    def crash(table: PersonalTable, people: Any) -> None:
        work(table, people)
        if table.model == killed_at and not crashes:
            crashes.append(table)
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(PersonalTable, "erase_rows", crash)
        with pytest.raises(KeyboardInterrupt):
            run()
    assert PrivacyRequest.objects.exclude(status="completed").exists()
    run()

    assert find_texts(texts) == []
    assert sums() == before
    assert_consistent()


def test_an_order_at_the_same_time_is_erased_too(
    billo: Brand, offers: Offers, at: datetime, run_concurrently: Callable[..., list[Any]]
) -> None:
    who = create_guest("gone")
    place_order(offers, who, at)
    others = [replace(offers, order_code=DiscountCodeFactory(brand=billo)) for _ in range(6)]

    def act(each: Offers | None) -> Any:
        if each is None:
            accounts.request_erasure(customer_id=who.customer_id, at=at)
            return accounts.run_erasures()
        return place_order(each, who, at)

    results = run_concurrently(act, [*others[:3], None, *others[3:]])
    run()

    assert [result for result in results if isinstance(result, Exception)] == []
    assert Redemption.objects.filter(customer=who.key).count() == 7
    assert find_texts(texts_of([who])) == []
    assert_consistent()


def test_nothing_is_erased_while_an_older_transaction_may_still_write(
    billo: Brand, offers: Offers, at: datetime, run_concurrently: Callable[..., list[Any]]
) -> None:
    who = create_guest("gone")
    place_order(offers, who, at)
    is_closed, may_end = threading.Event(), threading.Event()

    def act(is_writer: bool) -> Any:
        if not is_writer:
            accounts.request_erasure(customer_id=who.customer_id, at=at)
            left = accounts.run_erasures()
            is_closed.set()
            return left
        with transaction.atomic():
            enqueue_on_commit("accounts.send_password_reset", address="nobody@mail.example")  # has a transaction number
            assert is_closed.wait(30)
            CustomerProfile.objects.create(brand=billo, customer_id=who.key, email=address_of(who), updated_at=at)
        return may_end.set()

    left, _ = run_concurrently(act, [False, True])

    assert left == 1
    assert may_end.is_set()
    run()
    assert find_texts({address_of(who)}) == []
