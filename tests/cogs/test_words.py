"""How the cards speak."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogs import _words as words


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("a *bold* move", r"a \*bold\* move"),
        ("__init__ and ~~gone~~ and ||secret||", r"\_\_init\_\_ and \~\~gone\~\~ and \|\|secret\|\|"),
        ("`code`", r"\`code\`"),
        (r"back\slash", r"back\\slash"),
        ("# heading", r"\# heading"),
        ("> quote", r"\> quote"),
        ("- list", r"\- list"),
        ("1. list", r"1\. list"),
        ("-# small", r"\-# small"),
        ("  # indented", r"  \# indented"),
        ("a - b > c # d", "a - b > c # d"),
        ("<@123> <@&4> <#5> <t:6:R> </edit:7>", r"\<@123> \<@&4> \<#5> \<t:6:R> \</edit:7>"),
        ("@everyone and @here, me@example.org", r"\@everyone and \@here, me@example.org"),
        ("[click](https://example.org)", r"\[click\](https://example.org)"),
        ("turned \u202e round", "turned  round"),
        ("two\r\nlines", "two\nlines"),
        ("half a \ud83d pair", "half a  pair"),
        ("雪を降らせて ❄️ לילה", "雪を降らせて ❄️ לילה"),
    ],
)
def test_what_people_wrote_is_shown_as_they_wrote_it(written: str, shown: str) -> None:
    assert words.plain(written) == shown


@given(st.text(max_size=400), st.integers(min_value=20, max_value=200))
def test_a_quote_keeps_to_its_limit_and_tells_whether_it_is_whole(text: str, limit: int) -> None:
    quote, whole = words.quoted(text, limit)
    assert len(quote) <= limit
    assert all(line.startswith("> ") for line in quote.split("\n"))
    if not whole:
        assert quote.endswith("…")


@given(st.integers(min_value=20, max_value=100))
def test_a_text_of_signs_only_is_still_cut_to_the_limit(limit: int) -> None:
    assert len(words.quoted("*\n" * 3000, limit)[0]) <= limit
    assert len(words.quoted("*" * 3000, limit)[0]) <= limit


def test_a_text_of_many_lines_is_not_whole() -> None:
    quote, whole = words.quoted("\n".join(f"line {number}" for number in range(100)), 4000)
    assert not whole
    assert "line 59" in quote
    assert "line 60" not in quote


def test_as_many_lines_as_fit_are_told_and_how_many_more_there_are() -> None:
    lines = ["one", "two", "three"]
    assert words.fitting(lines, 14) == lines
    assert words.fitting(lines, 13) == ["one", "two", "-# … and 1 more"]
    assert words.fitting(lines, 2, "- and {} more") == ["- and 3 more"]
    assert words.fitting([], 0) == []


def test_a_text_is_cut_between_words() -> None:
    assert words.cut("a sentence of several words", 20) == "a sentence of…"
    assert words.cut("short", 20) == "short"
    assert words.cut("x" * 30, 20) == "x" * 19 + "…"


@given(st.text(max_size=500))
def test_a_thread_name_is_one_line_that_discord_takes(prompt: str) -> None:
    name = words.thread_name(prompt)
    assert 1 <= len(name) <= words.THREAD_NAME
    assert name == name.strip()
    assert "\n" not in name


def test_a_thread_name_holds_no_mention() -> None:
    assert words.thread_name("put <@123> and <@&4>\nin <#5> <:cat:6> <t:7:R>") == "put and in"
    assert words.thread_name("<@123>") == "A new edit"


@pytest.mark.parametrize(
    ("ms", "said"),
    [(0, "1 s"), (14_200, "14 s"), (59_600, "1 min"), (125_000, "2 min 5 s"), (3_780_000, "1 h 3 min")],
)
def test_a_duration_is_said_in_its_largest_units(ms: int, said: str) -> None:
    assert words.lasting(ms) == said


def test_numbers_have_their_noun_and_their_ending() -> None:
    assert [words.counted(number, "step") for number in (1, 2, 1200)] == ["1 step", "2 steps", "1,200 steps"]
    ordinals = [words.ordinal(number) for number in (1, 2, 3, 4, 11, 12, 13, 21, 112)]
    assert ordinals == ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "112th"]
    assert [words.listed(names) for names in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]


def test_a_time_is_a_stamp_that_discord_keeps_current() -> None:
    assert words.since(1_767_268_800_999) == "<t:1767268800:R>"


def test_a_forgotten_person_is_someone() -> None:
    assert words.who(71) == "<@71>"
    assert words.who(None) == "someone"


def test_a_link_leads_to_a_message_or_a_channel() -> None:
    assert words.link(1, 2, 3) == "https://discord.com/channels/1/2/3"
    assert words.link(1, 2) == "https://discord.com/channels/1/2"


@pytest.mark.parametrize(
    ("text", "limit", "cut"),
    [
        ("नमस्ते", 4, "नम…"),
        ("नमस्ते", 5, "नम…"),
        ("नमस्ते!!", 7, "नमस्ते…"),
        ("a👩‍🎨b", 4, "a…"),
        ("a👩‍🎨bc", 5, "a👩‍🎨…"),
        ("a👍🏽b", 3, "a…"),
        ("🇩🇪🇫🇷!", 4, "🇩🇪…"),
        ("🇩🇪🇫🇷!", 2, "🇩…"),
        ("xe\u0301y", 3, "x…"),
        ("مرحبا بالعالم الكبير", 10, "مرحبا…"),
        ("把猫的毛色改成蓝色", 5, "把猫的毛…"),
        ("a" + "\u0301" * 60, 50, "a" + "\u0301" * 48 + "…"),
    ],
)
def test_a_text_is_not_cut_within_what_one_sees_as_one_sign(text: str, limit: int, cut: str) -> None:
    assert words.cut(text, limit) == cut


@pytest.mark.parametrize("limit", [-500, 0, 1, 2, 3])
def test_a_quote_for_which_there_is_no_room_is_a_mark_that_something_was_cut(limit: int) -> None:
    assert words.quoted("* a long prompt " * 20, limit) == ("> …", False)
