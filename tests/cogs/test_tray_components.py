"""The custom ids of trays: what a button or menu carries comes back out of it, and belongs to it alone."""

from __future__ import annotations

import re
from typing import Any, cast

import discord
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogs._budget_components import BUDGET_ITEMS
from cogs._components import DYNAMIC_ITEMS
from cogs._draft_components import DRAFT_ITEMS
from cogs._gallery_components import GALLERY_ITEMS
from cogs._lineage_components import LINEAGE_ITEMS
from cogs._preset_components import PRESET_ITEMS
from cogs._round_components import ROUND_ITEMS
from cogs._sweep_components import SWEEP_ITEMS
from cogs._tray_components import TRAY_ITEMS, ClearButton, EarlierButton, EditTrayButton, KeepMenu, RemoveButton

IDS = st.integers(min_value=1, max_value=2**63 - 1)
ALL = (
    *(*DYNAMIC_ITEMS, *BUDGET_ITEMS, *GALLERY_ITEMS, *LINEAGE_ITEMS, *ROUND_ITEMS, *DRAFT_ITEMS, *PRESET_ITEMS),
    *(*SWEEP_ITEMS, *TRAY_ITEMS),
)
MADE = st.one_of(
    st.builds(EarlierButton, IDS),
    st.builds(RemoveButton, IDS),
    *(st.builds(plain) for plain in (ClearButton, EditTrayButton, KeepMenu)),
)


def template_of(item: type[discord.ui.DynamicItem[Any]]) -> re.Pattern[str]:
    return item.__discord_ui_compiled_template__


@given(MADE)
async def test_a_custom_id_gives_back_what_it_was_made_of(made: Any) -> None:
    assert len(made.custom_id) <= 100
    match = template_of(type(made)).fullmatch(made.custom_id)
    assert match is not None
    again = await type(made).from_custom_id(cast("Any", None), made.item, match)
    assert (type(again), again.custom_id) == (type(made), made.custom_id)
    assert getattr(again, "target", None) == getattr(made, "target", None)


@given(MADE)
def test_a_custom_id_belongs_to_one_kind_only(made: Any) -> None:
    assert [item for item in ALL if template_of(item).fullmatch(made.custom_id)] == [type(made)]


@pytest.mark.parametrize("custom_id", ["trayearlier:0", "trayremove:", "trayclear:1", "trayedit ", "traykeep:x"])
def test_what_no_card_has_is_nobodys(custom_id: str) -> None:
    assert not [item for item in ALL if template_of(item).fullmatch(custom_id)]
