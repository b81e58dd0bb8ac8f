import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

import core.ids

MODELS = ["code", "codeassignment", "codebatch"]
TASKS = {
    "promotions.assign_codes": "redemptions.assign_codes",
    "promotions.generate_codes": "redemptions.generate_codes",
}
OLD_MAIL_TYPE, MAIL_TYPE = "promotions.emails.code_mail", "redemptions.codes.emails.code_mail"


def move_content_types(apps, schema_editor):
    """Move the content types of the models, and with them permissions and log entries."""
    _move_content_types(apps, "promotions", "redemptions")


def return_content_types(apps, schema_editor):
    _move_content_types(apps, "redemptions", "promotions")


def _move_content_types(apps, source, target):
    content_types = apps.get_model("contenttypes", "ContentType").objects
    content_types.filter(app_label=source, model__in=MODELS).update(app_label=target)


def rename_tasks(apps, schema_editor):
    """Rewrite task names of waiting outbox messages."""
    _rename_tasks(apps, TASKS)


def restore_tasks(apps, schema_editor):
    _rename_tasks(apps, {name: old_name for old_name, name in TASKS.items()})


def _rename_tasks(apps, names):
    messages = apps.get_model("kernel", "OutboxMessage").objects
    for old_name, name in names.items():
        messages.filter(task=old_name).update(task=name)


def rename_mails(apps, schema_editor):
    """Rewrite mailings of codes, whose data name a promotion, to name the kind and the offer."""
    for mailing in apps.get_model("mail", "Mailing").objects.filter(mail_type=OLD_MAIL_TYPE).iterator():
        mailing.mail_type = MAIL_TYPE
        mailing.data = {"kind": "promotion", "offer": mailing.data["promotion"]}
        mailing.save(update_fields=["mail_type", "data"])


def restore_mails(apps, schema_editor):
    mailings = apps.get_model("mail", "Mailing").objects.filter(mail_type=MAIL_TYPE, data__kind="promotion")
    for mailing in mailings.iterator():
        mailing.mail_type = OLD_MAIL_TYPE
        mailing.data = {"promotion": mailing.data["offer"]}
        mailing.save(update_fields=["mail_type", "data"])


class Migration(migrations.Migration):
    """Take over the models of codes from the app ``promotions``. Their tables keep their names."""

    dependencies = [
        ("accounts", "0003_alter_labels"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("kernel", "0004_alter_labels"),
        ("mail", "0006_alter_labels"),
        ("promotions", "0010_offers_of_codes"),
        ("redemptions", "0002_limits"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="CodeBatch",
                    fields=[
                        (
                            "id",
                            models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False),
                        ),
                        ("kind", models.CharField(editable=False, max_length=20)),
                        ("offer", models.UUIDField(null=True)),
                        (
                            "pattern",
                            models.CharField(blank=True, help_text="Each # becomes a random character.", max_length=64),
                        ),
                        ("charset", models.CharField(blank=True, max_length=64)),
                        (
                            "count",
                            models.PositiveIntegerField(
                                help_text="Number of codes to generate.", verbose_name="number of codes"
                            ),
                        ),
                        ("generated_count", models.PositiveIntegerField(db_column="made", default=0, editable=False)),
                        (
                            "created_at",
                            models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                        ),
                        ("finished_at", models.DateTimeField(editable=False, null=True)),
                        (
                            "brand",
                            models.ForeignKey(
                                editable=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="accounts.brand",
                            ),
                        ),
                    ],
                    options={
                        "db_table": "promotions_codebatch",
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("generated_count__lte", models.F("count"))),
                                name="promotions_batch_made",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="CodeAssignment",
                    fields=[
                        (
                            "id",
                            models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False),
                        ),
                        ("segment_type", models.CharField(max_length=100)),
                        ("notify", models.BooleanField(default=False)),
                        ("cursor", models.BigIntegerField(default=0, editable=False)),
                        (
                            "assigned_count",
                            models.PositiveIntegerField(db_column="assigned", default=0, editable=False),
                        ),
                        (
                            "already_assigned_count",
                            models.PositiveIntegerField(
                                db_column="already",
                                default=0,
                                editable=False,
                                help_text="Customers who already had a code.",
                            ),
                        ),
                        (
                            "exhausted",
                            models.BooleanField(default=False, editable=False, verbose_name="not enough codes"),
                        ),
                        (
                            "created_at",
                            models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                        ),
                        ("finished_at", models.DateTimeField(editable=False, null=True)),
                        (
                            "batch",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="assignments",
                                to="redemptions.codebatch",
                            ),
                        ),
                    ],
                    options={"db_table": "promotions_codeassignment"},
                ),
                migrations.CreateModel(
                    name="Code",
                    fields=[
                        (
                            "text",
                            models.CharField(
                                db_collation="C",
                                max_length=64,
                                primary_key=True,
                                serialize=False,
                            ),
                        ),
                        (
                            "digest",
                            models.BinaryField(
                                help_text="SHA-256 of the code, which replaces it in URLs and logs.", unique=True
                            ),
                        ),
                        ("kind", models.CharField(max_length=20)),
                        ("offer", models.UUIDField(null=True)),
                        (
                            "single_use",
                            models.BooleanField(
                                default=False, help_text="The code can be redeemed once.", verbose_name="single-use"
                            ),
                        ),
                        (
                            "created_at",
                            models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                        ),
                        (
                            "brand",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="accounts.brand",
                            ),
                        ),
                        (
                            "customer",
                            models.ForeignKey(
                                blank=True,
                                db_index=False,
                                help_text="Only this customer can redeem the code.",
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="accounts.customer",
                                verbose_name="assigned customer",
                            ),
                        ),
                        (
                            "batch",
                            models.ForeignKey(
                                blank=True,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="codes",
                                to="redemptions.codebatch",
                            ),
                        ),
                    ],
                    options={
                        "db_table": "promotions_code",
                        "indexes": [
                            models.Index(
                                condition=models.Q(("batch__isnull", False)),
                                fields=["batch", "text"],
                                name="promotions_codes_of_batch",
                            ),
                            models.Index(
                                condition=models.Q(("batch__isnull", False), ("customer__isnull", True)),
                                fields=["batch", "text"],
                                name="promotions_codes_free",
                            ),
                            models.Index(
                                condition=models.Q(("customer__isnull", False)),
                                fields=["customer"],
                                name="promotions_codes_assigned",
                            ),
                        ],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("text__regex", "^[A-Z0-9_-]{3,64}$")), name="promotions_code_text"
                            ),
                            models.UniqueConstraint(
                                models.F("batch"),
                                models.F("customer"),
                                condition=models.Q(("batch__isnull", False), ("customer__isnull", False)),
                                name="promotions_one_code_per_customer_of_batch",
                            ),
                        ],
                    },
                ),
            ]
        ),
        migrations.RunPython(move_content_types, return_content_types),
        migrations.RunPython(rename_tasks, restore_tasks),
        migrations.RunPython(rename_mails, restore_mails),
    ]
