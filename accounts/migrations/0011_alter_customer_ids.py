"""Store customer IDs in lower case and without surrounding space, and compare them so from now on."""

import django.db.models.functions.text
from django.contrib.postgres.operations import AddConstraintNotValid, ValidateConstraint
from django.db import migrations, models, transaction

import accounts.models.users

CHUNK = 1000
NOT_CANONICAL = (
    r"[^!-@\[-~]"  # at least one character that is not printable ASCII, or is an upper-case letter or a space
)


def canonicalize(apps, schema_editor):
    """Rename customers whose ID is not canonical.

    Of several customers with one canonical ID, the one with a user keeps it, else the oldest. The others get their key
    appended, so that none of their redemptions is lost, and a server can still name them.
    """
    customers = apps.get_model("accounts", "Customer").objects
    after = 0
    while True:
        chunk = list(customers.filter(pk__gt=after, customer_id__regex=NOT_CANONICAL).order_by("pk")[:CHUNK])
        if not chunk:
            return
        after = chunk[-1].pk
        with transaction.atomic():
            for customer in chunk:
                rename(customers, customer)


def rename(customers, customer):
    """Give a customer the canonical form of the ID, unless another customer has a better claim to it."""
    raw, canonical = customer.customer_id, customer.customer_id.strip().lower()
    if raw == canonical:
        return
    other = customers.filter(customer_id=canonical).exclude(pk=customer.pk).first()
    if other is None:
        customers.filter(pk=customer.pk).update(customer_id=canonical)
    elif customer.user_id is not None and other.user_id is None:
        customers.filter(pk=other.pk).update(customer_id=number(canonical, other.pk))
        customers.filter(pk=customer.pk).update(customer_id=canonical)
    else:
        customers.filter(pk=customer.pk).update(customer_id=number(canonical, customer.pk))


def number(canonical, key):
    suffix = f"#{key}"
    return canonical[: 100 - len(suffix)] + suffix


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("accounts", "0010_add_browser_origins"),
    ]

    operations = [
        migrations.RunPython(canonicalize, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="customer",
            name="customer_id",
            field=accounts.models.users.CustomerIdField(max_length=100, unique=True, verbose_name="customer ID"),
        ),
        AddConstraintNotValid(
            model_name="customer",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    customer_id=django.db.models.functions.text.Lower(
                        django.db.models.functions.text.Trim("customer_id")
                    )
                ),
                name="accounts_customer_id_canonical",
            ),
        ),
        ValidateConstraint(model_name="customer", name="accounts_customer_id_canonical"),
    ]
