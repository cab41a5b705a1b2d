"""The cards: what they say of a job, and Discord's limits on how much."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import discord
import pytest
from discord import ui
from hypothesis import given
from hypothesis import strategies as st
from simcord.components import walk_components

from bot.quota import QuotaView
from cogs import _asides as asides
from cogs import _cards as cards
from cogs._cards import Parent, Post
from cogs._recipe import recipe
from storage.records import Allowance, AnnouncementKind, EditRequest, Job, Place, Reference, Result, Scope, Status


def text_of(view: ui.LayoutView) -> str:
    return "\n".join(item.content for item in view.walk_children() if isinstance(item, ui.TextDisplay))


def labels_of(view: ui.LayoutView) -> list[str]:
    return [part["label"] for part in walk_components(view.to_components()) if part["type"] == 2]


def ids_of(view: ui.LayoutView) -> list[str]:
    return [part["custom_id"] for part in walk_components(view.to_components()) if "custom_id" in part]


def media_of(view: ui.LayoutView) -> list[dict[str, Any]]:
    return [item for part in walk_components(view.to_components()) if part["type"] == 12 for item in part["items"]]


def assert_discord_takes(view: ui.LayoutView) -> None:
    parts = list(walk_components(view.to_components()))
    assert len(parts) <= 40
    assert sum(len(part["content"]) for part in parts if part["type"] == 10) <= 4000
    assert all(part["content"] for part in parts if part["type"] == 10)
    assert all(1 <= len(part["items"]) <= 10 for part in parts if part["type"] == 12)
    assert all(len(item.get("description") or "") <= 1024 for item in media_of(view))
    assert view.timeout is None
    assert all(isinstance(item, ui.DynamicItem) for item in view.walk_children() if item.is_dispatchable())


# The status ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("place", [Place(10, 20, 20), Place(10, 20, 30), Place(10, 20)])
def test_every_status_has_a_card(job_of: Callable[..., Job], status: Status, place: Place) -> None:
    view = cards.status(job_of(status=status, place=place), position=2, pictures=[("reference-1.jpg", "a cat")])
    assert_discord_takes(view)
    assert "<@71>" in text_of(view)


def test_a_queued_job_shows_its_place_and_can_be_cancelled(job_of: Callable[..., Job]) -> None:
    job = job_of(status=Status.QUEUED, first_post_at=None, ended_at=None)
    view = cards.status(job, position=3)
    assert "3rd in line" in text_of(view)
    assert "up to $0.062 held" in text_of(view)
    assert ids_of(view) == ["cancel:5"]
    assert "Next in line" in text_of(cards.status(job, position=1))
    assert "Next in line" in text_of(cards.status(job, position=None))
    assert "10th in line" in text_of(cards.status(job, position=10))
    assert "more than 10" in text_of(cards.status(job, position=11))


@pytest.mark.parametrize("status", [Status.SUBMITTING, Status.SUBMITTED])
def test_a_job_that_was_sent_cannot_be_cancelled_and_says_that_it_is_paid(
    job_of: Callable[..., Job], status: Status
) -> None:
    view = cards.status(job_of(status=status, ended_at=None, cost=None, settled_at=None))
    assert labels_of(view) == []
    assert "can't be cancelled any more and will be paid for" in text_of(view)


def test_a_running_job_says_since_when(job_of: Callable[..., Job]) -> None:
    assert "<t:1767268801:R>" in text_of(cards.status(job_of(status=Status.SUBMITTED, ended_at=None)))


def test_a_job_that_made_nothing_says_that_nothing_was_charged(job_of: Callable[..., Job]) -> None:
    for status in (Status.FAILED, Status.EXPIRED, Status.CANCELLED):
        assert "nothing was charged" in text_of(cards.status(job_of(status=status, cost=None)))


def test_a_done_job_tells_its_pictures_time_and_cost(job_of: Callable[..., Job], request_of: Callable[..., EditRequest]) -> None:
    view = cards.status(job_of(request=request_of(results=4)), made=3)
    assert "3 pictures in 14 s · $0.0442" in text_of(view)


def test_only_a_status_inside_a_shared_thread_shows_the_prompt_and_the_pictures(job_of: Callable[..., Job]) -> None:
    own = cards.status(job_of(place=Place(10, 20, 20)), pictures=[("reference-1.jpg", "")])
    shared = cards.status(job_of(place=Place(10, 20, 30)), pictures=[("reference-1.jpg", "")])
    assert "Make it snow" not in text_of(own)
    assert "> Make it snow" in text_of(shared)
    assert media_of(own) == []
    assert [item["media"]["url"] for item in media_of(shared)] == ["attachment://reference-1.jpg"]


# The results --------------------------------------------------------------------------------------------------------


def test_a_result_tells_everything_about_itself(post_of: Callable[..., Post], result_of: Callable[..., Result]) -> None:
    parent = Parent(7, user_id=72, address="https://discord.com/channels/1/20/19")
    view = cards.ending(replace(post_of(result_of()), parent=parent))
    text = text_of(view)
    for fact in (
        "> Make it snow",
        "**#12** · <@71>",
        "from [#7](https://discord.com/channels/1/20/19) by <@72>",
        "`29892`",
        "**$0.0442**",
        "1024 × 768",
        "30 steps",
        "14 s",
        "with cat.png",
    ):
        assert fact in text
    assert labels_of(view) == ["Edit", "Reroll", "Recipe", "Delete"]
    assert ids_of(view) == ["edit:12", "reroll:12", "recipe:12", "delete:12"]
    assert_discord_takes(view)


def test_only_settings_that_were_made_are_shown(post_of: Callable[..., Post], result_of: Callable[..., Result], request_of: Callable[..., EditRequest], job_of: Callable[..., Job]) -> None:
    plain = text_of(cards.ending(post_of(result_of())))
    assert not any(word in plain for word in ("CFG", "without", "Euler"))
    request = request_of(cfg=2.5, true_cfg=4.0, scheduler="Euler", negative="blurry\n*dark*", steps=1)
    said = text_of(cards.ending(replace(post_of(result_of()), job=job_of(request=request))))
    assert "1 step · CFG 2.5 · true CFG 4 · Euler · with cat.png · without: blurry \\*dark\\*" in said


@pytest.mark.parametrize("number", range(1, 11))
def test_a_message_carries_up_to_ten_results(post_of: Callable[..., Post], result_of: Callable[..., Result], number: int) -> None:
    results = [result_of(12 + place) for place in range(number)]
    view = cards.ending(post_of(*results))
    assert_discord_takes(view)
    assert [item["media"]["url"] for item in media_of(view)] == [
        f"attachment://{12 + place}-seed-{29892 + place}.jpg" for place in range(number)
    ]
    assert all(f"#{result.id}" in text_of(view) and str(result.seed) in text_of(view) for result in results)
    assert ids_of(view)[0] == ("edit:12" if number == 1 else "editpick:5")


def test_the_second_message_of_twenty_results_stays_within_the_limits(post_of: Callable[..., Post], result_of: Callable[..., Result], request_of: Callable[..., EditRequest], job_of: Callable[..., Job]) -> None:
    results = [result_of(10**18 + number, position=number, seed=2**63 - 1) for number in range(10, 20)]
    label = "*" * 200
    references = tuple(Reference("ab" * 32, 64, 64, label) for _ in range(3))
    request = request_of(prompt="*_" * 16_000, negative="*" * 32_000, references=references, results=20, cfg=1, true_cfg=-1e300)
    parent = Parent(10**18, user_id=10**18, address="https://discord.com/channels/" + "9" * 60)
    post = replace(post_of(*results), job=job_of(request=request, error_code="timeoutProvider"), made=20, parent=parent)
    assert_discord_takes(cards.ending(post))
    assert cards.needs_prompt_file(post)


@given(st.text(min_size=1, max_size=3000))
def test_no_prompt_breaks_a_card_or_is_lost(prompt: str) -> None:
    from tests_cards_records import a_job, a_post, a_request, a_result  # noqa: PLC0415
    post = replace(a_post(a_result()), job=a_job(request=a_request(prompt=prompt)))
    view = cards.ending(post)
    assert_discord_takes(view)
    has_file = any(part["type"] == 13 for part in walk_components(view.to_components()))
    assert has_file == cards.needs_prompt_file(post)
