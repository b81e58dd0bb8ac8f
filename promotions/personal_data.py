"""Personal data of promotions: none. Their terms name segments and attributes, but no customer."""

from core.privacy import PersonalTable
from redemptions.personal_data import offer_columns

TABLES: tuple[PersonalTable, ...] = ()
IMPERSONAL = {
    "promotions.Attribute.name": "the name of an attribute",
    **offer_columns("promotions.Promotion", "description", "name", "offer"),
}
