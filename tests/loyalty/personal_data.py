"""Personal data of loyalty rewards: who used them."""

from core.privacy import PersonalTable, keep_key, members
from redemptions.personal_data import offer_columns

TABLES = (
    PersonalTable(
        model="loyalty.RewardUse",
        columns=(keep_key(),),
        customer="customer",
        brand="reward__brand",
        export="loyalty_reward_uses",
        members=members("redemption_id", "reserved_until", brand="reward__brand__slug", reward="reward__name"),
    ),
)
IMPERSONAL = offer_columns("loyalty.LoyaltyReward", "name")
