import mailings.contracts
from django.db import migrations, models


class Migration(migrations.Migration):
    """Give fields their standard names. Columns keep theirs, so nothing changes in the database."""

    dependencies = [
        ("mail", "0003_rename_models"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RemoveConstraint(
                    model_name="mail",
                    name="mail_mail_state",
                ),
                migrations.RemoveConstraint(
                    model_name="mail",
                    name="mail_claim",
                ),
                migrations.RemoveConstraint(
                    model_name="mailing",
                    name="mail_mailing_state",
                ),
                migrations.RemoveIndex(
                    model_name="mail",
                    name="mail_due",
                ),
                migrations.RemoveIndex(
                    model_name="mail",
                    name="mail_claimed",
                ),
                migrations.RemoveIndex(
                    model_name="mail",
                    name="mail_progress",
                ),
                migrations.RemoveIndex(
                    model_name="mail",
                    name="mail_trouble",
                ),
                migrations.RemoveIndex(
                    model_name="mailing",
                    name="mail_mailing_open",
                ),
                migrations.AlterField(
                    model_name="mail",
                    name="word",
                    field=models.CharField(
                        blank=True,
                        db_column="word",
                        db_default="",
                        help_text="The recipient's alone, such as a code",
                        max_length=64,
                    ),
                ),
                migrations.RenameField(
                    model_name="mail",
                    old_name="word",
                    new_name="personal_text",
                ),
                migrations.AlterField(
                    model_name="mail",
                    name="state",
                    field=models.CharField(
                        choices=[
                            ("planned", "planned"),
                            ("sending", "sending"),
                            ("sent", "sent"),
                            ("failed", "failed"),
                            ("suppressed", "suppressed"),
                            ("doubtful", "doubtful"),
                        ],
                        db_column="state",
                        db_default=mailings.contracts.MailStatus["PLANNED"],
                        max_length=10,
                    ),
                ),
                migrations.RenameField(
                    model_name="mail",
                    old_name="state",
                    new_name="status",
                ),
                migrations.AlterField(
                    model_name="mailing",
                    name="kind",
                    field=models.CharField(
                        db_column="kind", help_text="Dotted path of the kind that builds it", max_length=200
                    ),
                ),
                migrations.RenameField(
                    model_name="mailing",
                    old_name="kind",
                    new_name="mail_type",
                ),
                migrations.AlterField(
                    model_name="mailing",
                    name="state",
                    field=models.CharField(
                        choices=[("planning", "planning"), ("sending", "sending"), ("done", "done")],
                        db_column="state",
                        default=mailings.contracts.MailingStatus["PLANNING"],
                        max_length=10,
                    ),
                ),
                migrations.RenameField(
                    model_name="mailing",
                    old_name="state",
                    new_name="status",
                ),
                migrations.AddIndex(
                    model_name="mail",
                    index=models.Index(
                        condition=models.Q(("status", mailings.contracts.MailStatus["PLANNED"])),
                        fields=["mailing", "due_at"],
                        name="mail_due",
                    ),
                ),
                migrations.AddIndex(
                    model_name="mail",
                    index=models.Index(
                        condition=models.Q(("status", mailings.contracts.MailStatus["SENDING"])),
                        fields=["claimed_at"],
                        name="mail_claimed",
                    ),
                ),
                migrations.AddIndex(
                    model_name="mail",
                    index=models.Index(
                        condition=models.Q(("status", mailings.contracts.MailStatus["PLANNED"]), _negated=True),
                        fields=["mailing", "status"],
                        name="mail_progress",
                    ),
                ),
                migrations.AddIndex(
                    model_name="mail",
                    index=models.Index(
                        condition=models.Q(
                            (
                                "status__in",
                                [mailings.contracts.MailStatus["FAILED"], mailings.contracts.MailStatus["UNKNOWN"]],
                            )
                        ),
                        fields=["status", "id"],
                        name="mail_trouble",
                    ),
                ),
                migrations.AddIndex(
                    model_name="mailing",
                    index=models.Index(
                        condition=models.Q(("status", mailings.contracts.MailingStatus["DONE"]), _negated=True),
                        fields=["marketing", "id"],
                        name="mail_mailing_open",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="mail",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            (
                                "status__in",
                                [
                                    mailings.contracts.MailStatus["PLANNED"],
                                    mailings.contracts.MailStatus["SENDING"],
                                    mailings.contracts.MailStatus["SENT"],
                                    mailings.contracts.MailStatus["FAILED"],
                                    mailings.contracts.MailStatus["SUPPRESSED"],
                                    mailings.contracts.MailStatus["UNKNOWN"],
                                ],
                            )
                        ),
                        name="mail_mail_state",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="mail",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status", mailings.contracts.MailStatus["SENDING"]), _negated=True),
                            models.Q(("batch__isnull", False), ("claimed_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="mail_claim",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="mailing",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            (
                                "status__in",
                                [
                                    mailings.contracts.MailingStatus["PLANNING"],
                                    mailings.contracts.MailingStatus["SENDING"],
                                    mailings.contracts.MailingStatus["DONE"],
                                ],
                            )
                        ),
                        name="mail_mailing_state",
                    ),
                ),
            ],
        ),
    ]
