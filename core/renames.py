"""Stored names of the previous release, with their present names.

Rows and messages of the previous release may arrive during a deploy, so each old name works for one release:
migrations rewrite what is stored, and the tables below resolve what is written afterwards.
"""

from collections.abc import Mapping
from typing import Any

from celery import Celery

TASKS = {
    "checkout.replay": "checkout.run_backtest",
    "coupons.audit_reports": "redemptions.check_results",
    "coupons.check_reports": "redemptions.check_results",
    "coupons.drop_old": "coupons.purge_old_months",
    "coupons.make_partitions": "coupons.create_partitions",
    "coupons.build_pool": "redemptions.create_units",
    "coupons.maintain_pools": "redemptions.maintain_pools",
    "coupons.make_units": "redemptions.create_units",
    "coupons.roll_up": "redemptions.roll_up_events",
    "coupons.tend_pools": "redemptions.maintain_pools",
    "discounts.make_partitions": "discounts.create_partitions",
    "discounts.tell_brands": "discounts.send_usage_digests",
    "kernel.beat_heart": "core.record_heartbeat",
    "kernel.forget_idempotency_keys": "core.purge_idempotency_keys",
    "kernel.relay_outbox": "core.relay_outbox",
    "mail.forget_events": "mailings.purge_events",
    "mail.send_due": "mailings.send_due",
    "promotions.assign_codes": "redemptions.assign_codes",
    "promotions.generate_codes": "redemptions.generate_codes",
    "promotions.make_codes": "redemptions.generate_codes",
    "promotions.tell": "promotions.sync_promotion",
    "promotions.tell_due": "promotions.sync_due",
    "segments.forget_uploads": "segments.purge_uploads",
    "segments.tell": "segments.sync_segment",
    "segments.tell_due": "segments.sync_due",
    "segments.work": "segments.process_queue",
    "vouchers.expire": "vouchers.expire_vouchers",
    "vouchers.pass_on": "vouchers.reassign_vouchers",
    "vouchers.serve_line": "vouchers.serve_waiting_list",
}
SCHEDULES = {
    "audit reports": "check results",
    "beat heart": "record heartbeat",
    "check reports": "check results",
    "drop old redemptions": "purge old redemptions",
    "forget idempotency keys": "purge idempotency keys",
    "forget mail events": "purge mail events",
    "forget uploads": "purge uploads",
    "make coupon partitions": "create coupon partitions",
    "make usage partitions": "create usage partitions",
    "roll up redemptions": "roll up events",
    "tell brands of uses": "send usage digests",
    "tell the campaign engine": "sync promotions",
    "tell the segmentation service": "sync segments",
    "maintain coupon pools": "maintain pools",
    "tend coupon pools": "maintain pools",
    "work on due segments": "process due segments",
}
MAIL_TYPES = {
    "discounts.emails.uses": "discounts.emails.usage_digest",
    "promotions.emails.code": "redemptions.codes.emails.code_mail",
    "promotions.emails.code_mail": "redemptions.codes.emails.code_mail",
}
SETTINGS = {
    "BATCH_DEADLINE": "BATCH_TIMEOUT_SECONDS",
    "BATCH_QUEUE": "BATCH_MAX_QUEUE",
    "BULK_ENDINGS": "BULK_SUFFIXES",
    "COUPON_POOL_HOURS": "POOL_BUILD_HOURS",
    "COUPON_REDEMPTIONS_KEEP_MONTHS": "REDEMPTION_RETENTION_MONTHS",
    "HOT_ENDINGS": "HOT_SUFFIXES",
    "LEDGERS": "CONSISTENCY_CHECKS",
    "OUTBOX_NUDGE": "OUTBOX_NOTIFY",
    "REDEEMERS": "REDEMPTION_BACKENDS",
}


def register_old_task_names(app: Celery) -> None:
    """Register each renamed task of the app under its old name, too."""
    for old_name, name in TASKS.items():
        if name in app.tasks:
            app.tasks[old_name] = app.tasks[name]


def current_mail_type(path: str) -> str:
    """Return the present path of a mail type that may have been stored under its old path."""
    return MAIL_TYPES.get(path, path)


def current_code_mail_data(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the data of a mailing of codes; the previous release named a promotion instead of a kind and an offer."""
    return {"kind": "promotion", "offer": data["promotion"]} if "promotion" in data else data
