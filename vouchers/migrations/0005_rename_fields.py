from django.db import migrations, models


class Migration(migrations.Migration):
    """Give fields their standard names. Columns keep theirs, so nothing changes in the database."""

    dependencies = [
        ("accounts", "0002_rename_fields"),
        ("vouchers", "0004_ranks_by_campaign"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RemoveConstraint(
                    model_name="campaign",
                    name="vouchers_campaign_dates",
                ),
                migrations.RemoveConstraint(
                    model_name="campaign",
                    name="vouchers_campaign_state",
                ),
                migrations.RemoveConstraint(
                    model_name="firstlogin",
                    name="vouchers_arrived_once",
                ),
                migrations.RemoveConstraint(
                    model_name="voucher",
                    name="vouchers_voucher_hold",
                ),
                migrations.RemoveConstraint(
                    model_name="voucher",
                    name="vouchers_rank_once",
                ),
                migrations.RemoveConstraint(
                    model_name="voucher",
                    name="vouchers_passed_on_once",
                ),
                migrations.RemoveConstraint(
                    model_name="voucher",
                    name="vouchers_passed_on_is_over",
                ),
                migrations.RemoveConstraint(
                    model_name="voucher",
                    name="vouchers_revoked_at",
                ),
                migrations.RemoveIndex(
                    model_name="campaign",
                    name="vouchers_open",
                ),
                migrations.RemoveIndex(
                    model_name="voucher",
                    name="vouchers_expiring",
                ),
                migrations.RemoveIndex(
                    model_name="voucher",
                    name="vouchers_lost",
                ),
                migrations.AlterField(
                    model_name="campaign",
                    name="ends_at",
                    field=models.DateTimeField(db_column="ends_at"),
                ),
                migrations.RenameField(
                    model_name="campaign",
                    old_name="ends_at",
                    new_name="end_date",
                ),
                migrations.AlterField(
                    model_name="campaign",
                    name="pass_on",
                    field=models.BooleanField(
                        db_column="pass_on",
                        default=False,
                        help_text="A voucher that is revoked, or expires unused, goes to the next in line",
                    ),
                ),
                migrations.RenameField(
                    model_name="campaign",
                    old_name="pass_on",
                    new_name="reassign_unused",
                ),
                migrations.AlterField(
                    model_name="campaign",
                    name="starts_at",
                    field=models.DateTimeField(db_column="starts_at"),
                ),
                migrations.RenameField(
                    model_name="campaign",
                    old_name="starts_at",
                    new_name="start_date",
                ),
                migrations.AlterField(
                    model_name="campaign",
                    name="state",
                    field=models.CharField(
                        choices=[("open", "Open"), ("closed", "Closed")],
                        db_column="state",
                        default="open",
                        max_length=6,
                    ),
                ),
                migrations.RenameField(
                    model_name="campaign",
                    old_name="state",
                    new_name="status",
                ),
                migrations.AlterField(
                    model_name="campaignevent",
                    name="ends_at",
                    field=models.DateTimeField(db_column="ends_at"),
                ),
                migrations.RenameField(
                    model_name="campaignevent",
                    old_name="ends_at",
                    new_name="end_date",
                ),
                migrations.AlterField(
                    model_name="campaignevent",
                    name="pass_on",
                    field=models.BooleanField(
                        db_column="pass_on",
                        default=False,
                        help_text="A voucher that is revoked, or expires unused, goes to the next in line",
                    ),
                ),
                migrations.RenameField(
                    model_name="campaignevent",
                    old_name="pass_on",
                    new_name="reassign_unused",
                ),
                migrations.AlterField(
                    model_name="campaignevent",
                    name="starts_at",
                    field=models.DateTimeField(db_column="starts_at"),
                ),
                migrations.RenameField(
                    model_name="campaignevent",
                    old_name="starts_at",
                    new_name="start_date",
                ),
                migrations.AlterField(
                    model_name="campaignevent",
                    name="state",
                    field=models.CharField(
                        choices=[("open", "Open"), ("closed", "Closed")],
                        db_column="state",
                        default="open",
                        max_length=6,
                    ),
                ),
                migrations.RenameField(
                    model_name="campaignevent",
                    old_name="state",
                    new_name="status",
                ),
                migrations.AlterField(
                    model_name="firstlogin",
                    name="arrived",
                    field=models.BigIntegerField(db_column="arrived"),
                ),
                migrations.RenameField(
                    model_name="firstlogin",
                    old_name="arrived",
                    new_name="sequence",
                ),
                migrations.AlterField(
                    model_name="voucher",
                    name="passed_on_to",
                    field=models.UUIDField(db_column="passed_on_to", null=True),
                ),
                migrations.RenameField(
                    model_name="voucher",
                    old_name="passed_on_to",
                    new_name="reassigned_to",
                ),
                migrations.AlterField(
                    model_name="voucher",
                    name="state",
                    field=models.CharField(
                        choices=[
                            ("available", "Available"),
                            ("reserved", "Reserved"),
                            ("used", "Used"),
                            ("expired", "Expired"),
                            ("revoked", "Revoked"),
                        ],
                        db_column="state",
                        default="available",
                        max_length=9,
                    ),
                ),
                migrations.RenameField(
                    model_name="voucher",
                    old_name="state",
                    new_name="status",
                ),
                migrations.AddIndex(
                    model_name="campaign",
                    index=models.Index(
                        condition=models.Q(("status", "open")), fields=["end_date"], name="vouchers_open"
                    ),
                ),
                migrations.AddIndex(
                    model_name="voucher",
                    index=models.Index(
                        condition=models.Q(("status", "available")), fields=["expires_at"], name="vouchers_expiring"
                    ),
                ),
                migrations.AddIndex(
                    model_name="voucher",
                    index=models.Index(
                        condition=models.Q(("reassigned_to__isnull", True), ("status__in", ["expired", "revoked"])),
                        fields=["campaign"],
                        name="vouchers_lost",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="campaign",
                    constraint=models.CheckConstraint(
                        condition=models.Q(("end_date__gt", models.F("start_date"))), name="vouchers_campaign_dates"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="campaign",
                    constraint=models.CheckConstraint(
                        condition=models.Q(("status__in", ["open", "closed"])), name="vouchers_campaign_state"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="firstlogin",
                    constraint=models.UniqueConstraint(
                        models.F("campaign"), models.F("sequence"), name="vouchers_arrived_once"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="voucher",
                    constraint=models.UniqueConstraint(
                        models.F("campaign"),
                        models.F("rank"),
                        condition=models.Q(("reassigned_to__isnull", True)),
                        name="vouchers_rank_once",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="voucher",
                    constraint=models.UniqueConstraint(models.F("reassigned_to"), name="vouchers_passed_on_once"),
                ),
                migrations.AddConstraint(
                    model_name="voucher",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            ("reassigned_to__isnull", True), ("status__in", ["expired", "revoked"]), _connector="OR"
                        ),
                        name="vouchers_passed_on_is_over",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="voucher",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("revoked_at__isnull", False), ("status", "revoked")),
                            models.Q(models.Q(("status", "revoked"), _negated=True), ("revoked_at__isnull", True)),
                            _connector="OR",
                        ),
                        name="vouchers_revoked_at",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="voucher",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("redemption_id__isnull", False),
                                ("reserved_until__isnull", False),
                                ("status", "reserved"),
                            ),
                            models.Q(
                                ("redemption_id__isnull", False), ("reserved_until__isnull", True), ("status", "used")
                            ),
                            models.Q(
                                ("redemption_id__isnull", True),
                                ("reserved_until__isnull", True),
                                ("status__in", ["available", "expired", "revoked"]),
                            ),
                            _connector="OR",
                        ),
                        name="vouchers_voucher_hold",
                    ),
                ),
            ],
        ),
    ]
