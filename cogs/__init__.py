"""What people see and press: commands, buttons, forms, and the words and cards they read."""

from __future__ import annotations

from collections.abc import Iterable

from discord.ext import commands

from bot.client import EditBot
from bot.services import Services
from cogs._asking import Asking
from cogs._budget_components import BUDGET_ITEMS
from cogs._components import DYNAMIC_ITEMS
from cogs._draft_components import DRAFT_ITEMS
from cogs._gallery_components import GALLERY_ITEMS
from cogs._house_cards import HOUSE_ITEMS
from cogs._lineage_components import LINEAGE_ITEMS
from cogs._own_data_cards import OWN_DATA_ITEMS
from cogs._preset_components import PRESET_ITEMS
from cogs._privacy_cards import PRIVACY_ITEMS
from cogs._round_components import ROUND_ITEMS
from cogs._sweep_components import SWEEP_ITEMS
from cogs._tray_components import TRAY_ITEMS
from cogs.answers import AnswersCog
from cogs.budget import BudgetCog
from cogs.draft import DraftCog
from cogs.edit import EditCog
from cogs.gallery import GalleryCog
from cogs.house import HouseCog
from cogs.lineage import LineageCog
from cogs.lora import LoraCog
from cogs.picking import PickingCog
from cogs.pool import PoolCog
from cogs.preset import PresetCog
from cogs.privacy import PrivacyCog
from cogs.quota import QuotaCog
from cogs.recipe import RecipeCog
from cogs.results import ResultsCog
from cogs.round import RoundCog
from cogs.session import SessionCog
from cogs.settings import SettingsCog
from cogs.stars import StarsCog
from cogs.sweep import SweepCog
from cogs.timelapse import TimelapseCog
from cogs.tray import TrayCog
from cogs.usage import UsageCog
from cogs.writing import WritingCog


def build(services: Services) -> EditBot:
    """Return a bot with all cogs, not connected yet."""

    def cogs() -> Iterable[commands.Cog]:
        asking = Asking(services)
        return (
            EditCog(services, asking),
            DraftCog(services, asking),
            ResultsCog(services, asking),
            WritingCog(services, asking),
            PickingCog(services, asking),
            TrayCog(services, asking),
            RecipeCog(services, asking),
            PresetCog(services, asking),
            StarsCog(services),
            AnswersCog(services),
            QuotaCog(services),
            BudgetCog(services),
            SettingsCog(services),
            PoolCog(services),
            RoundCog(services),
            UsageCog(services),
            SessionCog(services),
            GalleryCog(services),
            LineageCog(services),
            TimelapseCog(services),
            SweepCog(services, asking),
            HouseCog(services),
            LoraCog(services),
            PrivacyCog(services),
        )

    return EditBot(
        services,
        cogs=cogs,
        dynamic_items=(
            *DYNAMIC_ITEMS,
            *BUDGET_ITEMS,
            *ROUND_ITEMS,
            *GALLERY_ITEMS,
            *LINEAGE_ITEMS,
            *DRAFT_ITEMS,
            *PRESET_ITEMS,
            *SWEEP_ITEMS,
            *HOUSE_ITEMS,
            *TRAY_ITEMS,
            *PRIVACY_ITEMS,
            *OWN_DATA_ITEMS,
        ),
    )
