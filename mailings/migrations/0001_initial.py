import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.text
from django.db import migrations, models

import core.ids


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Mailing",
            fields=[
                (
                    "id",
                    models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("key", models.CharField(help_text="What it announces; planned once", max_length=200, unique=True)),
                ("kind", models.CharField(help_text="Dotted path of the kind that builds it", max_length=200)),
                ("data", models.JSONField(blank=True, default=dict, help_text="What the kind needs to build it")),
                (
                    "sender",
                    models.CharField(blank=True, default="", help_text="Whom an unsubscribe speaks of", max_length=64),
                ),
                ("sender_name", models.CharField(blank=True, default="", max_length=100)),
                ("marketing", models.BooleanField(default=False, help_text="May be unsubscribed from")),
                (
                    "state",
                    models.CharField(
                        choices=[("planning", "planning"), ("sending", "sending"), ("done", "done")],
                        default="planning",
                        max_length=10,
                    ),
                ),
                ("plan_cursor", models.BigIntegerField(default=0, help_text="The last recipient that was looked at")),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
            ],
            options={
                "ordering": ["-id"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "done"), _negated=True),
                        fields=["marketing", "id"],
                        name="mail_mailing_open",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["planning", "sending", "done"])), name="mail_mailing_state"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="SeenEvent",
            fields=[
                ("id", models.CharField(max_length=200, primary_key=True, serialize=False)),
                ("seen_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "indexes": [models.Index(fields=["seen_at"], name="mail_event_seen")],
            },
        ),
        migrations.CreateModel(
            name="Suppression",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("address", models.CharField(help_text="In lower case", max_length=254)),
                ("sender", models.CharField(blank=True, default="", help_text="Empty for all senders", max_length=64)),
                (
                    "reason",
                    models.CharField(
                        choices=[("bounce", "bounce"), ("complaint", "complaint"), ("unsubscribe", "unsubscribe")],
                        max_length=11,
                    ),
                ),
                ("note", models.TextField(blank=True, db_default="", default="")),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("address", "sender", "reason"), name="mail_suppressed_once"),
                    models.CheckConstraint(
                        condition=models.Q(("address", django.db.models.functions.text.Lower("address"))),
                        name="mail_suppression_lower",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reason__in", ["bounce", "complaint", "unsubscribe"])),
                        name="mail_suppression_reason",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Mail",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("recipient", models.BigIntegerField(help_text="The planner's own number of the recipient")),
                ("address", models.CharField(max_length=254)),
                ("name", models.CharField(blank=True, db_default="", max_length=150)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("planned", "planned"),
                            ("sending", "sending"),
                            ("sent", "sent"),
                            ("failed", "failed"),
                            ("suppressed", "suppressed"),
                            ("doubtful", "doubtful"),
                        ],
                        db_default="planned",
                        max_length=10,
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(db_default=0)),
                ("due_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("batch", models.UUIDField(blank=True, help_text="The claim it was last handed over with", null=True)),
                ("claimed_at", models.DateTimeField(blank=True, null=True)),
                ("sent_at", models.DateTimeField(blank=True, null=True)),
                (
                    "message_id",
                    models.CharField(
                        blank=True, db_default="", help_text="The provider's own name of it", max_length=100
                    ),
                ),
                ("error", models.TextField(blank=True, db_default="")),
                (
                    "mailing",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="mails",
                        to="mail.mailing",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "planned")), fields=["mailing", "due_at"], name="mail_due"
                    ),
                    models.Index(condition=models.Q(("state", "sending")), fields=["claimed_at"], name="mail_claimed"),
                    models.Index(
                        condition=models.Q(("state", "planned"), _negated=True),
                        fields=["mailing", "state"],
                        name="mail_progress",
                    ),
                    models.Index(
                        condition=models.Q(("state__in", ["failed", "doubtful"])),
                        fields=["state", "id"],
                        name="mail_trouble",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("mailing", "recipient"), name="mail_once_per_recipient"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["planned", "sending", "sent", "failed", "suppressed", "doubtful"])
                        ),
                        name="mail_mail_state",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "sending"), _negated=True),
                            models.Q(("batch__isnull", False), ("claimed_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="mail_claim",
                    ),
                ],
            },
        ),
    ]
