"""The cards: what they say of a job, and Discord's limits on how much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from discord import ui
from hypothesis import given
from hypothesis import strategies as st
from simcord.components import walk_components

from bot.quota import QuotaView
from cogs import _asides as asides
from cogs import _cards as cards
from cogs._cards import Parent
from storage.records import (
    Allowance,
    AnnouncementKind,
    Basis,
    Grant,
    Job,
    Lora,
    Measure,
    Pause,
    Place,
    Reference,
    Scope,
    Source,
    Standing,
    Status,
)
from storage.windows import Span, Stretch, Window


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
def test_every_status_has_a_card(make: Any, status: Status, place: Place) -> None:
    view = cards.status(make.job(status=status, place=place), position=2, pictures=[("reference-1.jpg", "a cat")])
    assert_discord_takes(view)
    assert "<@71>" in text_of(view)


def test_a_queued_job_shows_its_place_and_can_be_cancelled(make: Any) -> None:
    job = make.job(status=Status.QUEUED, first_post_at=None, ended_at=None)
    view = cards.status(job, position=3)
    assert "3rd in line" in text_of(view)
    assert "up to $0.0620 held" in text_of(view)
    assert ids_of(view) == ["cancel:5"]
    assert "Next in line" in text_of(cards.status(job, position=1))
    assert "Next in line" in text_of(cards.status(job, position=None))
    assert "10th in line" in text_of(cards.status(job, position=10))
    assert "more than 10" in text_of(cards.status(job, position=11))


@pytest.mark.parametrize("status", [Status.SUBMITTING, Status.SUBMITTED])
def test_a_job_that_was_sent_cannot_be_cancelled_and_says_that_it_is_paid(make: Any, status: Status) -> None:
    view = cards.status(make.job(status=status, ended_at=None, cost=None, settled_at=None))
    assert labels_of(view) == []
    assert "can't be cancelled any more and will be paid for" in text_of(view)


def test_a_running_job_says_since_when(make: Any) -> None:
    assert "<t:1767268801:R>" in text_of(cards.status(make.job(status=Status.SUBMITTED, ended_at=None)))


def test_a_job_that_made_nothing_says_that_nothing_was_charged(make: Any) -> None:
    for status in (Status.FAILED, Status.EXPIRED, Status.CANCELLED):
        assert "nothing was charged" in text_of(cards.status(make.job(status=status, cost=None)))


def test_a_failed_job_that_made_a_picture_after_all_does_not_claim_to_be_free(make: Any) -> None:
    said = text_of(cards.status(make.job(status=Status.FAILED, cost=44_200)))
    assert "$0.0442" in said
    assert "nothing was charged" not in said


def test_a_done_job_tells_its_pictures_time_and_cost(make: Any) -> None:
    view = cards.status(
        make.job(request=make.request(results=4)), results=[make.result(number) for number in (1, 2, 3)]
    )
    assert "3 pictures in 14 s · $0.0442" in text_of(view)


def test_only_a_status_inside_a_shared_thread_shows_the_prompt_and_the_pictures(make: Any) -> None:
    own = cards.status(make.job(place=Place(10, 20, 20)), pictures=[("reference-1.jpg", "")])
    shared = cards.status(make.job(place=Place(10, 20, 30)), pictures=[("reference-1.jpg", "")])
    assert "Make it snow" not in text_of(own)
    assert "> Make it snow" in text_of(shared)
    assert media_of(own) == []
    assert [item["media"]["url"] for item in media_of(shared)] == ["attachment://reference-1.jpg"]


# The results --------------------------------------------------------------------------------------------------------


def test_a_result_tells_everything_about_itself(make: Any) -> None:
    parent = Parent(7, user_id=72, address="https://discord.com/channels/1/20/19")
    view = cards.ending(replace(make.post(make.result()), parent=parent))
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
    assert labels_of(view) == ["Edit", "Reroll", "Star", "More", "Delete"]
    assert ids_of(view) == ["edit:12", "reroll:12", "star:12", "more:12", "delete:12"]
    assert_discord_takes(view)


def test_only_settings_that_were_made_are_shown(make: Any) -> None:
    plain = text_of(cards.ending(make.post(make.result())))
    assert not any(word in plain for word in ("CFG", "without", "Euler"))
    request = make.request(cfg=2.5, true_cfg=4.0, scheduler="Euler", negative="blurry\n*dark*", steps=1)
    said = text_of(cards.ending(replace(make.post(make.result()), job=make.job(request=request))))
    assert "1 step · CFG 2.5 · true CFG 4 · Euler · with cat.png · without: blurry \\*dark\\*" in said


@pytest.mark.parametrize("number", range(1, 11))
def test_a_message_carries_up_to_ten_results(make: Any, number: int) -> None:
    results = [make.result(12 + place) for place in range(number)]
    view = cards.ending(make.post(*results))
    assert_discord_takes(view)
    assert [item["media"]["url"] for item in media_of(view)] == [
        f"attachment://{12 + place}-seed-{29892 + place}.jpg" for place in range(number)
    ]
    assert all(f"#{result.id}" in text_of(view) and str(result.seed) in text_of(view) for result in results)
    assert ids_of(view)[0] == ("edit:12" if number == 1 else "editpick:5")


def test_the_second_message_of_twenty_results_stays_within_the_limits(make: Any) -> None:
    results = [make.result(10**18 + number, position=number, seed=2**63 - 1) for number in range(10, 20)]
    label = "*" * 200
    references = tuple(Reference("ab" * 32, 64, 64, label) for _ in range(3))
    request = make.request(
        prompt="*_" * 16_000,
        negative="*" * 32_000,
        references=references,
        results=20,
        cfg=1,
        true_cfg=-1e300,
        loras=tuple(Lora(f"{n}:" + "*_" * 99, -3.99) for n in range(10)),
    )
    parent = Parent(10**18, user_id=10**18, address="https://discord.com/channels/" + "9" * 60)
    post = replace(
        make.post(*results), job=make.job(request=request, error_code="timeoutProvider"), made=20, parent=parent
    )
    assert_discord_takes(cards.ending(post))
    assert cards.needs_prompt_file(post)


@given(prompt=st.text(min_size=1, max_size=3000))
def test_no_prompt_breaks_a_card_and_a_cut_one_comes_as_a_file(make: Any, prompt: str) -> None:
    post = replace(make.post(make.result()), job=make.job(request=make.request(prompt=prompt)))
    view = cards.ending(post)
    assert_discord_takes(view)
    assert has_prompt_file(view) == cards.needs_prompt_file(post)


def has_prompt_file(view: ui.LayoutView) -> bool:
    files = [part["file"]["url"] for part in walk_components(view.to_components()) if part["type"] == 13]
    return files == ["attachment://prompt.txt"]


def test_a_prompt_of_over_four_thousand_characters_is_shown_cut_with_the_whole_as_a_file(make: Any) -> None:
    post = replace(make.post(make.result()), job=make.job(request=make.request(prompt="snow " * 1000)))
    view = cards.ending(post)
    assert has_prompt_file(view)
    assert "snow snow" in text_of(view)
    assert "…" in text_of(view)


def test_a_prompt_that_fits_is_shown_whole(make: Any) -> None:
    prompt = "snow " * 600
    view = cards.ending(replace(make.post(make.result()), job=make.job(request=make.request(prompt=prompt))))
    assert prompt.strip() in text_of(view)
    assert not has_prompt_file(view)


def test_a_prompt_in_any_script_is_shown_as_it_is(make: Any) -> None:
    prompt = "雪を降らせて、夜に ❄️\nאז לילה"
    text = text_of(cards.ending(replace(make.post(make.result()), job=make.job(request=make.request(prompt=prompt)))))
    assert "> 雪を降らせて、夜に ❄️\n> אז לילה" in text


def test_a_mention_in_a_prompt_or_a_file_name_is_text(make: Any) -> None:
    reference = Reference("ab" * 32, 64, 64, "<@1> @everyone.png")
    request = make.request(prompt="hi <@123> @everyone", negative="<@&9>", references=(reference,))
    text = text_of(cards.ending(replace(make.post(make.result()), job=make.job(request=request))))
    assert "hi \\<@123> \\@everyone" in text
    assert "with \\<@1> \\@everyone.png" in text
    assert "without: \\<@&9>" in text


def test_a_cost_that_is_not_known_yet_is_pending_and_one_that_never_came_is_estimated(make: Any) -> None:
    pending = replace(make.post(make.result()), job=make.job(cost=None, settled_at=None))
    estimated = replace(make.post(make.result()), job=make.job(estimated=True))
    assert "cost pending" in text_of(cards.ending(pending))
    assert "$0.0442 estimated" in text_of(cards.ending(estimated))


def test_a_job_whose_pictures_were_all_withheld_is_not_called_done(make: Any) -> None:
    said = text_of(cards.status(make.job(), results=[make.result(nsfw=True)]))
    assert "Withheld" in said
    assert "Done" not in said


def test_a_done_job_says_what_was_taken_down(make: Any) -> None:
    gone = make.result(1, deleted_at=1)
    assert "Taken down" in text_of(cards.status(make.job(), results=[gone]))
    assert "2 pictures, 1 taken down" in text_of(cards.status(make.job(), results=[gone, make.result(2)]))


def test_a_withheld_picture_is_told_and_not_shown(make: Any) -> None:
    view = cards.ending(make.post(make.result(12), make.result(13, nsfw=True)))
    assert "#13 was withheld by the content check" in text_of(view)
    assert len(media_of(view)) == 1


def test_a_message_without_any_picture_offers_to_try_again(make: Any) -> None:
    view = cards.ending(make.post(make.result(12, nsfw=True), make.result(13, nsfw=True)))
    assert "#12 and #13 were withheld" in text_of(view)
    assert ids_of(view) == ["again:5"]
    assert_discord_takes(view)


@pytest.mark.parametrize("why", ["gone", "refused_host", "not_a_picture"])
def test_a_lost_picture_is_told_with_what_to_do(make: Any, why: str) -> None:
    view = cards.ending(make.post(make.result(12), make.result(13, sha256=None, lost=why)))
    assert "#13 is lost: " in text_of(view)


def test_a_picture_that_is_still_being_copied_is_not_called_lost(make: Any) -> None:
    view = cards.ending(make.post(make.result(12), make.result(13, sha256=None)))
    assert "#13 was made just now and is being copied." in text_of(view)
    assert "lost" not in text_of(view)


def test_a_picture_whose_bytes_are_gone_is_lost(make: Any) -> None:
    view = cards.ending(replace(make.post(make.result(12)), files={}))
    assert "#12 is lost: " in text_of(view)
    assert media_of(view) == []


def test_pictures_that_were_taken_down_are_named(make: Any) -> None:
    view = cards.ending(make.post(make.result(12), make.result(13, deleted_at=1), make.result(14, deleted_at=1)))
    assert "#13 and #14 were taken down" in text_of(view)
    assert ids_of(view)[0] == "edit:12"


def test_missing_pictures_are_told_once_with_the_reason(make: Any) -> None:
    job = make.job(request=make.request(results=20), error_code="timeoutProvider")
    results = [make.result(12 + number) for number in range(15)]
    first = replace(make.post(*results[:10]), job=job, made=15)
    last = replace(make.post(*results[10:]), job=job, made=15)
    assert "could not be made" not in text_of(cards.ending(first))
    assert "5 of 20 pictures could not be made. Runware took too long" in text_of(cards.ending(last))


def test_a_direct_message_has_no_buttons_and_says_how_to_go_on(make: Any) -> None:
    view = cards.ending(replace(make.post(make.result()), buttons=False))
    assert ids_of(view) == []
    assert "/edit from:#12" in text_of(view)


def test_a_parent_is_named_as_far_as_it_stands(make: Any) -> None:
    gone = replace(make.post(make.result()), parent=Parent(7, gone=True))
    unseen = replace(make.post(make.result()), parent=Parent(7, user_id=None))
    assert "from #7, which is gone" in text_of(cards.ending(gone))
    assert "from #7 by someone" in text_of(cards.ending(unseen))


def test_a_file_is_named_by_its_result_and_seed(make: Any) -> None:
    assert cards.file_name(make.result(), "image/jpeg") == "12-seed-29892.jpg"
    assert cards.file_name(make.result(seed=0), "image/webp") == "12-seed-0.webp"
    assert cards.file_name(make.result(seed=None), "image/png") == "12.png"


# No results ---------------------------------------------------------------------------------------------------------


def test_a_failure_says_what_to_do_and_that_nothing_was_charged(make: Any) -> None:
    post = replace(
        make.post(kind=AnnouncementKind.FAILED), job=make.job(status=Status.FAILED, error_code="timeoutProvider")
    )
    text = text_of(cards.ending(post))
    assert "Runware took too long over this edit. Try again" in text
    assert "nothing was charged; the $0.0620 held for it is free again" in text
    assert "timeoutProvider" not in text
    assert ids_of(cards.ending(post)) == ["again:5"]
    assert_discord_takes(cards.ending(post))


def test_a_failure_without_a_code_still_has_words(make: Any) -> None:
    assert "Try again" in text_of(cards.ending(replace(make.post(kind=AnnouncementKind.FAILED), job=make.job())))


def failed(make: Any, code: str, message: str) -> str:
    job = make.job(status=Status.FAILED, error_code=code, error_message=message)
    view = cards.ending(replace(make.post(kind=AnnouncementKind.FAILED), job=job))
    assert_discord_takes(view)
    return text_of(view)


def test_runwares_words_stand_beside_ours_where_an_option_was_refused(make: Any) -> None:
    said = failed(make, "unsupportedLoraModel", "The LoRA 'a:1@2' does not fit *this* model.\n# <@1> @everyone")
    assert "Runware did not accept a LoRA of this edit. Leave it out, or take one from `/lora list`" in said
    assert "\n-# Runware's own words: The LoRA 'a:1@2' does not fit \\*this\\* model. # \\<@1> \\@everyone" in said
    assert "own words" not in failed(make, "inferenceError", "node 7 of 12 is down")
    assert "own words" not in failed(make, "promptBlocked", "the prompt says: something")
    assert "\\[" * 300 in failed(make, "invalidSeed", "[" * 300)


def test_an_expiry_says_that_a_late_picture_still_comes(make: Any) -> None:
    view = cards.ending(make.post(kind=AnnouncementKind.EXPIRED))
    assert "should the picture still come, it is posted here" in text_of(view)
    assert ids_of(cards.ending(make.post(kind=AnnouncementKind.EXPIRED, buttons=False))) == []


# Marks --------------------------------------------------------------------------------------------------------------


def test_every_card_of_every_job_has_its_own_mark(make: Any) -> None:
    announcement = make.post().announcement
    marks = {
        cards.mark(job_id, said)
        for job_id in range(1, 200)
        for said in (None, *(replace(announcement, index=index) for index in range(15)))
    }
    assert len(marks) == 199 * 16


@given(number=st.integers(min_value=1, max_value=2**63 - 1))
def test_a_mark_is_a_component_id_that_discord_takes(number: int) -> None:
    assert 1 <= cards.mark(number) <= 2**31


def test_cards_carry_their_mark(make: Any) -> None:
    post = make.post(make.result())
    for view, number in (
        (cards.status(make.job()), cards.mark(5)),
        (cards.ending(post), cards.mark(5, post.announcement)),
    ):
        assert [part["id"] for part in view.to_components()] == [number]


# Before a job, and aside --------------------------------------------------------------------------------------------


def test_the_reply_shows_what_was_asked_for(make: Any) -> None:
    pictures = [("reference-1.jpg", "a cat"), ("reference-2.png", "")]
    view = cards.starter(71, make.request(results=2), pictures=pictures, parent=Parent(7, 72), here=False)
    assert_discord_takes(view)
    assert [item.get("description") for item in media_of(view)] == ["a cat", None]
    assert "> Make it snow" in text_of(view)
    assert "<@71> · from #7 by <@72>" in text_of(view)
    assert "2 pictures · 1024 × 768 · 30 steps · the edit goes on in the thread below" in text_of(view)
    assert "thread" not in text_of(cards.starter(71, make.request(), pictures=[], parent=None, here=True))


def test_the_acknowledgement_is_true_before_and_after_the_job() -> None:
    assert "in a thread below" in text_of(cards.checking(71, "Make it snow", here=False))
    assert "goes on here" in text_of(cards.checking(71, "x" * 6000, here=True))


RESETS_AT = 1_767_268_800_000


def a_standing(scope: Scope, limit: int, spent: int = 0, held: int = 0, **changes: Any) -> Standing:
    allowance = replace(Allowance(scope, Measure.MONEY, limit, Window.daily()), **changes)
    return Standing(allowance, spent, held, Stretch(0, RESETS_AT))


def a_quota(
    *member: Standing, running: Sequence[Job] = (), server: int = 5_000_000, bot: int = 10_000_000
) -> QuotaView:
    ceilings = (a_standing(Scope.SERVER, server), a_standing(Scope.BOT, bot))
    return QuotaView(member, ceilings, (), tuple(running))


def test_a_quota_shows_spent_held_left_and_when_it_resets_and_why_a_hold_is_what_it_is(make: Any) -> None:
    basis = Basis(Source.SERVER, 12)
    job = make.job(request=make.request(prompt="a [link](x) " * 40), estimate=41_000, basis=basis)
    view = asides.quota(a_quota(a_standing(Scope.MEMBER, 500_000, spent=144_200, held=44_200), running=[job]))
    text = text_of(view)
    assert "### $0.3116 left of $0.50 a day" in text
    assert "spent $0.1442 · 🟨 held $0.0442 · fresh <t:1767268800:R>" in text
    assert "🟦🟦🟦🟨⬜⬜⬜⬜⬜⬜" in text
    assert "This server: $5.00 left of $5.00 a day." in text
    assert "Over all servers: plenty is left." in text
    assert "](https://discord.com/channels/1/20/21)" in text
    assert "$0.0620 held for about $0.0410, going by 12 edits here" in text
    assert_discord_takes(view)


def test_limits_in_numbers_and_by_role_stand_beside_the_money() -> None:
    weekly = Window(Span.WEEK, rolling=True)
    pictures = a_standing(Scope.ROLE, 20, 12, measure=Measure.PICTURES, window=weekly, subject_id=77, ceiling=4)
    text = text_of(asides.quota(a_quota(a_standing(Scope.ROLE, 500_000, subject_id=77), pictures)))
    assert "$0.50 left of $0.50 a day · as <@&77>" in text
    assert "**8 pictures left** of 20 pictures in any 7 days, at most 4 pictures an edit · as <@&77>" in text
    assert "fresh" not in text.partition("**8 pictures left**")[2].partition("\n")[0]


def test_a_member_who_may_not_edit_reads_that() -> None:
    view = asides.quota(a_quota(a_standing(Scope.MEMBER, 0)))
    assert "Nothing to spend here" in text_of(view)


def test_bonuses_pools_and_a_pause_are_told() -> None:
    bonus = Grant(1, 1, Scope.MEMBER, 5, 400_000, 6, None, 0, RESETS_AT, None, held=0, spent=100_000)
    pool = replace(bonus, id=2, scope=Scope.THREAD, expires_at=None)
    view = replace(
        a_quota(a_standing(Scope.MEMBER, 500_000)),
        grants=(pool, bonus),
        pause=Pause(1, 0, "the *bill* came", 0),
        sponsored=250_000,
    )
    text = text_of(asides.quota(view))
    assert text.startswith("### ⏸️ Paused in this server: the \\*bill\\* came")
    assert "This thread's pool pays first: $0.30 left." in text
    assert "Your bonus pays first: $0.30 left of $0.40, ends <t:1767268800:R>." in text
    assert "$0.25 of what is held is yours in the pools of threads" in text
    assert_discord_takes(asides.quota(view))


def test_a_quota_lists_ten_running_edits_at_most(make: Any) -> None:
    view = asides.quota(a_quota(a_standing(Scope.MEMBER, 500_000), running=[make.job()] * 12))
    assert "and 2 more" in text_of(view)
    assert_discord_takes(view)


def test_a_running_edit_without_a_status_leads_to_the_reply(make: Any) -> None:
    jobs = [
        make.job(status_message_id=None, place=Place(10, 20)),
        make.job(status_message_id=None, place=Place(10, 20, 20)),
        make.job(status_message_id=25, place=Place(10, 25, 30)),
    ]
    text = text_of(asides.quota(a_quota(a_standing(Scope.MEMBER, 500_000), running=jobs)))
    assert text.count("/channels/1/10/20)") == 2
    assert text.count("/channels/1/30/25)") == 1


def test_a_day_that_is_used_up_is_told() -> None:
    text = text_of(asides.quota(a_quota(a_standing(Scope.MEMBER, 1, 1), server=0, bot=0)))
    assert "$0.00 left of $0.0001 a day" in text
    assert "This server: used up · fresh <t:1767268800:R>." in text
    assert "Over all servers: used up · fresh <t:1767268800:R>." in text
    nearly = replace(a_quota(a_standing(Scope.MEMBER, 1)), ceilings=(a_standing(Scope.BOT, 100_000, spent=95_000),))
    assert "Over all servers: $0.0050 left of $0.10 a day." in text_of(asides.quota(nearly))


def a_recipe(make: Any, text: str = "{}", result: Any = None, **changes: Any) -> Any:
    return asides.recipe(make.request(**changes), result or make.result(), text, "recipe-12.json")


def test_a_recipe_is_shown_as_far_as_it_fits_and_comes_as_a_file(make: Any) -> None:
    view = a_recipe(make, "``` " * 8000)
    assert_discord_takes(view)
    assert text_of(view).count("```") == 2


def test_a_recipe_names_the_pictures_to_attach_and_says_that_it_makes_one(make: Any) -> None:
    references = (*make.request().references, Reference("cd" * 32, 512, 512, "#7", result_id=7))
    assert "Attach cat.png with it" in text_of(a_recipe(make, references=references))
    assert "Attach" not in text_of(a_recipe(make, references=references[1:]))
    assert "several" not in text_of(a_recipe(make))
    assert "this makes one" in text_of(a_recipe(make, results=2))
    assert "Runware did not say its seed" in text_of(a_recipe(make, result=make.result(seed=None), results=2))


def test_a_delete_menu_asks_which(make: Any) -> None:
    view = asides.delete_menu(5, [make.result(12), make.result(13)])
    assert ids_of(view) == ["deletepick:5"]
    assert_discord_takes(view)
