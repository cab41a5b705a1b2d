"""The custom ids of drafts: what a button or menu carries comes back out of it, and fits."""

from __future__ import annotations

import re
from typing import Any, cast

import discord
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.options import Group
from cogs._budget_components import BUDGET_ITEMS
from cogs._components import DYNAMIC_ITEMS
from cogs._draft_components import (
    BASICS,
    DRAFT_ITEMS,
    NAMED,
    DiscardButton,
    DraftButton,
    FamilyMenu,
    Form,
    FormButton,
    Page,
    PageButton,
    SchedulerMenu,
    SendButton,
    StartOverButton,
)
from cogs._gallery_components import GALLERY_ITEMS
from cogs._lineage_components import LINEAGE_ITEMS
from cogs._round_components import ROUND_ITEMS

IDS = st.integers(min_value=1, max_value=2**63 - 1)
ALL = (*DYNAMIC_ITEMS, *BUDGET_ITEMS, *GALLERY_ITEMS, *LINEAGE_ITEMS, *ROUND_ITEMS, *DRAFT_ITEMS)
MADE = st.one_of(
    *(st.builds(plain, IDS) for plain in (DraftButton, StartOverButton, DiscardButton, FamilyMenu, SchedulerMenu)),
    st.builds(FormButton, IDS, st.sampled_from(Form), wrong=st.booleans()),
    st.builds(PageButton, IDS, st.sampled_from(Page), set_there=st.integers(0, 99)),
    st.builds(SendButton, IDS, IDS, IDS),
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
    for name in ("target", "form", "page", "shown", "version"):
        assert getattr(again, name, None) == getattr(made, name, None)


@given(MADE)
def test_a_custom_id_belongs_to_one_kind_only(made: Any) -> None:
    assert [item for item in ALL if template_of(item).fullmatch(made.custom_id)] == [type(made)]


@pytest.mark.parametrize(
    "custom_id",
    [
        *("draft:0", "draftform:1:", "draftform:1:prompt", "draftform:0:words", "draftpage:1:last", "draftsend:1:2"),
        *("draftsend:1:0:3", "draftsend:1:2:3:4", "draftfamily:x", "draftscheduler:1:Euler", "draftform:１:words"),
    ],
)
def test_what_no_card_has_is_nobodys(custom_id: str) -> None:
    assert not [item for item in ALL if template_of(item).fullmatch(custom_id)]


def test_every_group_has_a_form_but_the_schedulers_which_have_menus() -> None:
    assert [form.group for form in Form if form is not Form.PICTURES] == [
        group for group in Group if group is not Group.SCHEDULER
    ]
    assert NAMED.keys() == set(Form)
    assert len(BASICS) < 5, "there has to be room for what leads to the others"
