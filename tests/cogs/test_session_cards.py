"""What is said of a session: who may edit, who did how much, what is best, and what changed; and Discord's limits."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from discord import ui
from simcord.components import walk_components

from bot.exports import Contents
from bot.sessions import SessionView
from cogs import _session_cards as cards
from storage.lineage import Step
from storage.records import Access, Grant, Round, RoundState, Scope, Session, SessionState
from storage.sessions import Share
from storage.windows import DAY, HOUR

NOON = 1_767_268_800_000
ANA, BO = 71, 72
SESSION = Session(7, 1, 10, 20, True, 1, Access.OPEN, None, SessionState.OPEN, NOON, None)


def view(*, session: Session = SESSION, **changes: Any) -> SessionView:
    shares = (Share(2, BO, 3, 2, 60_000), Share(1, ANA, 1, 1, 20_000))
    return replace(SessionView(session, ANA, (), (), shares, {2: 5, 1: 1}, (), (), None), **changes)


def grant(left: int) -> Grant:
    return Grant(1, 1, Scope.THREAD, 20, left, 1, 1, NOON, None, None)


def says(made: ui.LayoutView) -> str:
    return "\n".join(item.content for item in made.walk_children() if isinstance(item, ui.TextDisplay))


@pytest.fixture
def step(make: SimpleNamespace) -> Any:
    def build(number: int = 12, prompt: str = "Make it snow", **changes: Any) -> Step:
        result = make.result(number, **{"stars": 2, **changes})
        return Step(result, make.request(prompt=prompt), 1, ANA, 44_200, 1)

    return build


# Show ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "headline", "who"),
    [
        ({}, "open", "everybody who reads this thread"),
        ({"access": Access.INVITED}, "open", "people who were invited"),
        ({"access": Access.ROLE, "role_id": 5}, "open", "<@&5> and people who were invited"),
        (
            {"state": SessionState.LOCKED},
            "locked",
            "the owner and moderators, until `/session open`; then everybody who reads this thread",
        ),
        (
            {"state": SessionState.CLOSED, "access": Access.INVITED},
            "closed",
            "nobody, until `/session reopen`; then people who were invited",
        ),
    ],
)
def test_the_head_tells_the_state_and_who_may_edit(changes: dict[str, Any], headline: str, who: str) -> None:
    head, owner, may_edit = says(cards.show(view(session=replace(SESSION, **changes)), [], {})).splitlines()[:3]
    assert head.endswith(f"This session is {headline}")
    assert owner == "**Owner:** <@71>"
    assert may_edit == f"**May edit:** {who}"


def test_people_are_named_with_their_shares_who_made_most_first() -> None:
    text = says(cards.show(view(invited=(BO,), removed=(73, 74)), [], {}))
    assert "**Invited:** <@72>\n**Removed:** <@73> and <@74>\n" in text
    assert "**4 edits · 6 pictures · $0.08**" in text
    assert "1. <@72> · 3 edits (75\N{NO-BREAK SPACE}%) · 5 pictures · $0.06 (75\N{NO-BREAK SPACE}%)\n" in text
    assert "2. <@71> · 1 edit (25\N{NO-BREAK SPACE}%) · 1 picture · $0.02 (25\N{NO-BREAK SPACE}%)" in text


def test_somebody_who_was_forgotten_is_someone() -> None:
    text = says(cards.show(view(owner_user_id=None, shares=(Share(9, None, 1, 0, 0),), pictures={}), [], {}))
    assert "**Owner:** someone" in text
    assert "1. someone · 1 edit (100\N{NO-BREAK SPACE}%) · 0 pictures · $0.00 (0\N{NO-BREAK SPACE}%)" in text


def test_the_best_are_shown_with_stars_links_and_alt_texts(step: Any) -> None:
    made = cards.show(view(), [step(12), step(13, "a [trap](x) @everyone")], {12: ("12-seed-1.jpg", "a cat")})
    [shown] = [item for item in made.walk_children() if isinstance(item, ui.MediaGallery)]
    assert [(item.media.url, item.description) for item in shown.items] == [("attachment://12-seed-1.jpg", "a cat")]
    text = says(made)
    link = "https://discord.com/channels/1/20/22"
    assert f"⭐\N{NO-BREAK SPACE}2 · **#12** · <@71> · [Make it snow]({link})" in text
    assert rf"**#13** · <@71> · [a \[trap\](x) \@everyone]({link})" in text


def test_the_best_of_a_closed_session_come_in_a_message_of_their_own(step: Any) -> None:
    made = cards.best(SESSION, [step(12), step(13)], {12: ("12-seed-1.jpg", "a cat")})
    [shown] = [item for item in made.walk_children() if isinstance(item, ui.MediaGallery)]
    assert [item.media.url for item in shown.items] == ["attachment://12-seed-1.jpg"]
    assert [line.split(" · ")[1] for line in says(made).splitlines()[1:]] == ["**#12**", "**#13**"]
    assert not [item for item in made.walk_children() if isinstance(item, ui.Separator)]


def test_without_stars_nothing_is_best() -> None:
    assert "stars" not in says(cards.show(view(), [], {}))


def test_a_result_that_was_posted_nowhere_has_no_link(step: Any) -> None:
    assert says(cards.show(view(), [step(channel_id=None, message_id=None)], {})).count("](") == 0


def test_the_pool_and_the_open_round_are_told_and_how_to_begin_them() -> None:
    none = says(cards.show(view(), [], {}))
    assert "Nothing in this thread's pool; `/pool give`" in none
    assert "No round is open; `/round start`" in none
    current = Round(3, 7, 12, 1, 99, 2, NOON, NOON + HOUR, RoundState.OPEN, None, None, None, None)
    both = says(cards.show(view(pool=(grant(300_000), grant(200_000)), round=current), [], {}))
    assert "$0.50 left in this thread's pool" in both
    assert f"[A round is open](https://discord.com/channels/1/20/99) and ends <t:{(NOON + HOUR) // 1000}:R>." in both


def test_a_crowd_stays_within_discords_limits(step: Any) -> None:
    ids = range(1_000_000_000_000_000_000, 1_000_000_000_000_000_050)
    crowd = view(
        session=replace(SESSION, closed_at=NOON + DAY),
        invited=tuple(ids),
        removed=tuple(ids),
        shares=tuple(Share(number, user_id, 1000, 1000, 10**9) for number, user_id in enumerate(ids)),
        pictures=dict.fromkeys(range(50), 20_000),
    )
    best = [step(10**18 + number, "“*_`|[" * 400) for number in range(3)]
    files = {one.result.id: (f"{one.result.id}.jpg", "a cat") for one in best}
    assert sum(1 for _ in walk_components(cards.best(SESSION, best, files).to_components())) <= 40
    for made in (cards.show(crowd, best, files), cards.closing(ANA, crowd)):
        payload = made.to_components()
        assert sum(1 for _ in walk_components(payload)) <= 40
        assert sum(len(part["content"]) for part in walk_components(payload) if "content" in part) <= 4000
        assert "-# and 40 more with 40,000 edits" in says(made)
    assert " and others" in says(cards.show(crowd, best, files))


# Closing -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lasted", "said"), [(90_000, "1 min 30 s"), (30 * HOUR, "30 h 0 min"), (3 * DAY + 5, "3 days")]
)
def test_the_summary_tells_from_when_to_when_what_was_made_and_how_to_go_on(lasted: int, said: str) -> None:
    text = says(cards.closing(BO, view(session=replace(SESSION, closed_at=NOON + lasted))))
    assert text.startswith("### 🏁 <@72> closed this session\n")
    assert f"<t:{NOON // 1000}:f> – <t:{(NOON + lasted) // 1000}:f> · {said}\n" in text
    assert "**4 edits · 6 pictures · $0.08**" in text
    assert "`/session reopen` opens it again, for <@71> and moderators" in text
    assert "`/session export` packs" in text


def test_the_summary_shows_only_what_all_who_read_the_thread_can_see(step: Any) -> None:
    assert cards.stands_here(SESSION, step(channel_id=20))
    assert cards.stands_here(SESSION, step(channel_id=10)), "in the channel around it, where the thread had no room"
    assert not cards.stands_here(SESSION, step(channel_id=555)), "in somebody's direct messages"
    assert not cards.stands_here(SESSION, step(channel_id=None))


# What changed --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (
            lambda: cards.invited(ANA, BO, SESSION, ""),
            "🤝 <@71> invited <@72> to this session.\n-# Everybody who reads this thread may edit here anyway.",
        ),
        (
            lambda: cards.invited(ANA, BO, replace(SESSION, access=Access.INVITED), "They were added."),
            "🤝 <@71> invited <@72> to this session.\n-# They were added.",
        ),
        (
            lambda: cards.removed(ANA, BO, moderates=False),
            (
                "👋 <@71> removed <@72> from this session.\n"
                "-# They can look and edit elsewhere; what they asked for before is finished."
            ),
        ),
        (
            lambda: cards.removed(ANA, BO, moderates=True),
            (
                "👋 <@71> removed <@72> from this session.\n"
                "-# They manage messages here, so that they can edit all the same."
            ),
        ),
        (lambda: cards.handed_over(ANA, BO), "🔑 <@71> handed this session over to <@72>."),
        (
            lambda: cards.admitted(ANA, replace(SESSION, access=Access.INVITED)),
            "🚪 <@71> changed who may edit here: people who were invited.",
        ),
        (
            lambda: cards.locked(BO, ANA),
            (
                "🔒 <@72> locked this session.\n"
                "-# Only <@71>, who owns it, and moderators go on; `/session open` ends that."
            ),
        ),
        (
            lambda: cards.reopened(ANA, SessionState.LOCKED, SESSION),
            "🟢 <@71> unlocked this session.\n-# May edit: everybody who reads this thread.",
        ),
        (
            lambda: cards.reopened(ANA, SessionState.CLOSED, SESSION),
            "🟢 <@71> opened this session again.\n-# May edit: everybody who reads this thread.",
        ),
    ],
)
def test_what_changed_is_said_in_a_line(made: Any, said: str) -> None:
    assert says(made()) == said


# An export -----------------------------------------------------------------------------------------------------------


def test_the_last_part_tells_what_is_in_the_whole_and_what_is_not() -> None:
    whole = says(cards.last_part(1, "session.zip", Contents([1])))
    assert whole == "### 📦 1 picture, the tree, every recipe and who did how much"
    some = says(cards.last_part(3, "session-part-3.zip", Contents([1, 2], smaller=[2], removed=[3], hidden=1)))
    assert some.splitlines() == [
        "### 📦 2 pictures, the tree, every recipe and who did how much",
        "This is the last of 3 parts: unpack them all into one folder.",
        "1 of them was made smaller, so that all could be sent.",
        "2 pictures of this session could not be packed: `README.txt` in it says which and why.",
    ]
