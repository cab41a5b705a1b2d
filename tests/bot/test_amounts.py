"""Amounts as people type them: read into whole numbers, or refused in a sentence that says which and what was given."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bot import amounts
from bot.errors import BadOption
from storage.records import Allowance, Measure, Scope
from storage.windows import Span, Window

Read = Callable[[str], int]


def dollars(text: str) -> int:
    return amounts.money("amount", text)


def pictures(text: str) -> int:
    return amounts.amount("per_edit", Measure.PICTURES, text)


def refusal(read: Read, text: str) -> str:
    with pytest.raises(BadOption) as refused:
        read(text)
    assert f"`{refused.value.option}`" in str(refused.value)
    return str(refused.value)


# Money ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("0", 0),
        ("0.50", 500_000),
        ("0,50", 500_000),
        ("$2", 2_000_000),
        ("$ 2.5", 2_500_000),
        ("2$", 2_000_000),
        ("2 USD", 2_000_000),
        ("1 dollar", 1_000_000),
        (" 1.25 dollars\n", 1_250_000),
        ("007", 7_000_000),
        ("0.000001", 1),
        ("1.0000000", 1_000_000),
        ("100000", 100_000_000_000),
    ],
)
def test_money_is_read_as_people_write_it(text: str, micros: int) -> None:
    assert dollars(text) == micros


@pytest.mark.parametrize(
    "text",
    ["", "   ", "a lot", "-1", "−1", "+1", "1e9", "nan", "inf", "Infinity", "0x10", "1_000", "1.2.3", "1,000.50", "1."],
)
def test_what_is_no_amount_of_money_is_refused_with_what_was_given_and_what_to_write(text: str) -> None:
    given = text.strip().replace("_", "")
    assert refusal(dollars, text.strip()) == (f"`amount` should be an amount in dollars such as `0.50`, not “{given}”.")


@pytest.mark.parametrize("text", ["€5", "5 €", "£5", "5 EUR", "5 cents", "$$5", "5 5", "５", "٣", "½", "Ⅷ"])
def test_other_currencies_and_other_scripts_are_no_dollars(text: str) -> None:
    assert f"not “{text}”" in refusal(dollars, text)


@pytest.mark.parametrize("text", ["0.0000001", "0,1234567", "$1.0000001"])
def test_an_amount_finer_than_a_micro_dollar_is_refused(text: str) -> None:
    assert refusal(dollars, text) == f"`amount` has too many decimals in “{text}”: six are the most."


@pytest.mark.parametrize("text", ["100000.000001", "100001", "999999999999"])
def test_an_absurd_amount_is_refused_with_the_most_there_can_be(text: str) -> None:
    assert refusal(dollars, text) == f"`amount` is “{text}”, and $100,000 is the most it can be."


def test_nothing_is_refused_only_where_it_means_nothing() -> None:
    assert amounts.money("amount", "0.00") == 0
    refused = refusal(lambda text: amounts.money("amount", text, least=1), "0.00")
    assert refused == "`amount` has to be more than 0; it is “0.00”."
    assert amounts.money("amount", "0.000001", least=1) == 1


# Edits and pictures --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), (" 20 ", 20), ("1 edit", 1), ("20 edits", 20), ("1 picture", 1), ("3Pictures", 3), ("1000000", 10**6)],
)
def test_a_number_is_read_with_or_without_what_it_counts(text: str, number: int) -> None:
    assert amounts.amount("amount", Measure.EDITS, text) == pictures(text) == number


@pytest.mark.parametrize("text", ["", "many", "-3", "1.5", "1,5", "2.0", "1e3", "nan", "$3", "3 dollars", "３", "3 3"])
def test_what_is_no_whole_number_is_refused_with_what_was_given_and_what_to_write(text: str) -> None:
    assert refusal(pictures, text) == f"`per_edit` should be a whole number such as `20`, not “{text}”."


def test_an_absurd_number_is_refused_with_the_most_there_can_be() -> None:
    assert refusal(pictures, "1000001") == "`per_edit` is “1000001”, and 1,000,000 is the most it can be."


def test_no_edits_are_refused_only_where_that_means_nothing() -> None:
    assert amounts.count("amount", "0") == 0
    refused = refusal(lambda text: amounts.count("amount", text, least=1), "0")
    assert refused == "`amount` has to be more than 0; it is “0”."


# What was given, in the answer ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("read", [dollars, pictures])
@pytest.mark.parametrize("text", ["9" * 10_000, "x" * 10_000, "1" + " " * 10_000 + "1", "1." + "0" * 10_000])
def test_ten_thousand_characters_are_refused_and_shown_by_their_beginning(read: Read, text: str) -> None:
    sentence = refusal(read, text)
    assert f"not “{text[:39]}…”" in sentence
    assert len(sentence) < 200


@pytest.mark.parametrize("read", [dollars, pictures])
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("**5**", "5"),
        ("`5`", "5"),
        ("~~5~~ ||6||", "5 6"),
        ("<@123>", "123"),
        ("<@&123> <#456>", "&123 456"),
        ("@everyone", "everyone"),
        ("# 5\n> 6", " 5 6"),
        ("[5](https://example.com)", "5(https://example.com)"),
        ("5\u202e05", "505"),
        ("\\*5", "5"),
    ],
)
def test_what_was_given_is_shown_without_its_markup(read: Read, text: str, shown: str) -> None:
    assert f"not “{shown}”" in refusal(read, text)


# Limits, as operators write them -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "measure", "amount", "window"),
    [
        ("100 usd per month", Measure.MONEY, 100_000_000, Window(Span.MONTH)),
        ("0.5 USD a day", Measure.MONEY, 500_000, Window(Span.DAY)),
        ("400 pictures per rolling day", Measure.PICTURES, 400, Window(Span.DAY, rolling=True)),
        (" 20  edits an hour ", Measure.EDITS, 20, Window(Span.HOUR)),
        ("0 edits per rolling week", Measure.EDITS, 0, Window(Span.WEEK, rolling=True)),
    ],
)
def test_a_limit_says_how_much_of_what_over_which_window(
    text: str, measure: Measure, amount: int, window: Window
) -> None:
    assert amounts.limit(text, Scope.BOT) == Allowance(Scope.BOT, measure, amount, window)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "100",
        "100 usd",
        "100 euros per day",
        "100 usd per year",
        "100 usd per rolling",
        "usd 100 per day",
        "1 usd/day",
    ],
)
def test_what_is_no_limit_is_refused_with_what_was_written(text: str) -> None:
    with pytest.raises(ValueError, match="which is no limit") as refused:
        amounts.limit(text, Scope.BOT)
    assert f"“{text}”" in str(refused.value)


@pytest.mark.parametrize("text", ["-1 usd per day", "1.5 edits per day", "nan usd per day", "200000 usd per month"])
def test_a_limit_of_an_impossible_amount_is_refused_with_the_amount(text: str) -> None:
    with pytest.raises(ValueError, match="an amount in it that cannot be") as refused:
        amounts.limit(text, Scope.BOT)
    assert f"“{text.partition(' ')[0]}”" in str(refused.value)
