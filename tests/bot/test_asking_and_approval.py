"""Prices that are asked about first, edits that wait for a manager, and places that are paused: at the use cases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from bot import edits, orders, prices
from bot.bookkeeping import Bookkeeper
from bot.budgets import Budgets
from bot.edits import Edits
from bot.errors import BadOption, EditError, NotAllowed, NotFound, OverQuota, Paused, TooLate
from bot.metrics import Metrics
from bot.pictures import Pictures
from bot.settings import Settings
from bot.signals import Signals
from storage import accounts, audit, books, jobs, ledger, pictures, quarters
from storage.database import Database, Tx
from storage.offers import Offer
from storage.records import Asker, EditRequest, EntryKind, Job, Measure, Place, Reference, Scope, Status
from storage.windows import DAY, HOUR, QUARTER, Stretch, Window, quarter_of

if TYPE_CHECKING:
    from tests.bot.conftest import Studio

START = 1_900_022_400_000
REQUEST = EditRequest("a hat", (Reference("a" * 64, 512, 512, "cat.png"),), 1024, 768, 7)
PRICE = prices.price(REQUEST)
HERE, IN_ITS_THREAD, ELSEWHERE = Place(100, 300), Place(100, 300, 200), Place(101, 300)
ANA, BO, MANAGER, OTHER_MANAGER = (Asker(10, user_id, frozenset([10])) for user_id in (1, 2, 8, 9))
ABROAD = Asker(11, 1, frozenset([11]))


@dataclass
class Office:
    """The use cases over a real database, on a clock that the test moves."""

    database: Database
    pictures: Pictures
    settings: Settings
    now: int = START

    def __post_init__(self) -> None:
        parts = (Signals(), Metrics(), self.settings)
        self.edits = Edits(self.database, self.pictures, *parts, clock=lambda: self.now)
        self.budgets = Budgets(self.database, parts[0], self.settings, clock=lambda: self.now)
        self.bookkeeper = Bookkeeper(self.database, *parts, clock=lambda: self.now)

    async def ask(self, request: EditRequest = REQUEST, place: Place = HERE, **options: Any) -> Job | Offer:
        return await self.edits.ask(ANA, place, request, **options)

    async def offered(self) -> Offer:
        """An offer of one edit to Ana, who wants to be asked about every price."""
        await self.edits.prefer(ANA, 0)
        offer = await self.ask()
        assert isinstance(offer, Offer)
        return offer

    async def waiting(self, asker: Asker = ANA) -> Job:
        """An edit of Ana's that waits for a manager, as every edit of the server does."""
        await self.budgets.change(MANAGER, approve_above=0)
        return await self.edits.request(asker, HERE, REQUEST)

    async def approve(self, job: Job, manager: Asker = MANAGER, asker: Asker = ANA) -> Job:
        return await self.edits.approve(job.id, manager=manager, asker=asker)

    async def limit(self, amount: int, scope: Scope = Scope.SERVER, subject_id: int = 0) -> int | None:
        """Let managers set a daily limit in money; returns its id."""
        set_now = await self.budgets.allow(MANAGER, scope, subject_id, Measure.MONEY, amount, Window.daily())
        return set_now.allowance.id

    async def claim(self) -> Job | None:
        return await self.database.run(
            jobs.claim_next, in_flight_limit=9, now=self.now, poll_at=self.now, card_interval=0
        )

    async def held(self, at: int) -> int:
        """What Ana has held in a quarter of an hour."""

        async def look(tx: Tx) -> int:
            account_id = await accounts.find(tx, Scope.MEMBER, 10, 1)
            start = quarter_of(at)
            return (await quarters.used(tx, account_id or 0, Stretch(start, start + QUARTER))).held

        return await self.database.read(look)

    async def kinds(self, job: Job) -> list[EntryKind]:
        return [entry.kind for entry in await self.database.read(ledger.of_job, job.id)]

    async def changes(self) -> list[tuple[int, int | None, str, str]]:
        """Who changed what state of which edit, and when, newest first."""
        changes = await self.database.read(audit.last, 10, 100)
        return [(one.at, one.user_id, one.before, one.after) for one in changes if one.subject.startswith("edit ")]

    async def forget(self, who: Asker) -> None:
        """Forget who a member's account is of; the account stays in the books."""

        async def forget(tx: Tx) -> None:
            await tx.execute("DELETE FROM accounts WHERE guild_id = ?1 AND holder_id = ?2", who.guild_id, who.user_id)

        await self.database.run(forget)

    async def everything(self) -> dict[str, list[dict[str, Any]]]:
        """Every row of every table, but for alerts: a refusal may raise one."""
        return await self.database.read(_everything, self.database.engine)


async def _everything(tx: Tx, engine: str) -> dict[str, list[dict[str, Any]]]:
    tables = {
        "sqlite": "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
        "postgres": "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'",
    }
    names = {row["name"] for row in await tx.fetch_all(tables[engine])} - {"alerts"}
    rows = {name: [dict(row) for row in await tx.fetch_all(f"SELECT * FROM {name}")] for name in names}
    return {name: sorted(found, key=repr) for name, found in rows.items()}


@pytest.fixture
async def office(database: Database, tmp_path: Path) -> AsyncGenerator[Office]:
    settings = Settings(
        discord_token=SecretStr("token"),
        runware_api_key=SecretStr("key"),
        allowed_guilds=frozenset({10, 11}),
        member_daily_usd=Decimal(1),
    )
    async with Pictures(tmp_path / "pictures", min_free=0) as pictures:
        yield Office(database, pictures, settings)


async def refused(office: Office, asked: Awaitable[object], by: type[EditError]) -> str:
    """The sentence of a refusal, which has changed nothing."""
    before = await office.everything()
    with pytest.raises(by) as refusal:
        await asked
    assert await office.everything() == before
    return str(refusal.value)


# Prices that are asked about -----------------------------------------------------------------------------------------


async def test_a_picture_used_long_ago_stays_while_a_price_is_asked_about_and_a_new_one_no_longer(
    office: Office,
) -> None:
    [old] = [reference.sha256 for reference in REQUEST.references]
    await office.database.run(pictures.used, old, START - 100 * DAY)
    await office.offered()
    assert await office.database.run(pictures.forget_unused, START, 9) == 0
    new = replace(REQUEST, references=(Reference("b" * 64, 512, 512, "dog.png"),))
    assert isinstance(await office.ask(new), Offer)
    assert await office.database.read(pictures.unknown, ["b" * 64]) == ["b" * 64]


async def test_an_edit_at_the_price_a_member_wants_to_be_asked_above_is_made(office: Office) -> None:
    await office.edits.prefer(ANA, PRICE.estimate)
    job = await office.ask()
    assert isinstance(job, Job)
    assert (job.status, job.estimate, job.hold) == (Status.QUEUED, PRICE.estimate, PRICE.hold)


async def test_an_edit_above_the_price_a_member_wants_to_be_asked_above_is_offered_and_nothing_is_held(
    office: Office,
) -> None:
    await office.edits.prefer(ANA, PRICE.estimate - 1)
    offer = await office.ask(place=IN_ITS_THREAD)
    assert isinstance(offer, Offer)
    assert (offer.price, offer.place, offer.request, offer.user_id) == (PRICE.estimate, IN_ITS_THREAD, REQUEST, 1)
    assert await office.edits.offer(offer.id, ANA) == offer
    assert await office.database.read(ledger.open_holds) == (0, 0)
    assert await office.claim() is None
    assert isinstance(await office.edits.ask(BO, HERE, REQUEST), Job)


@pytest.mark.parametrize(
    ("server", "own", "offered"),
    [
        (PRICE.estimate - 1, None, True),
        (PRICE.estimate, None, False),
        (PRICE.estimate - 1, PRICE.estimate, True),
        (PRICE.estimate, PRICE.estimate - 1, True),
        (PRICE.estimate, PRICE.estimate, False),
        (None, None, False),
        (0, None, True),
    ],
)
async def test_the_lower_of_what_the_server_and_the_member_want_to_be_asked_above_counts(
    office: Office, server: int | None, own: int | None, offered: bool
) -> None:
    await office.budgets.change(MANAGER, confirm_above=server)
    await office.edits.prefer(ANA, own)
    assert isinstance(await office.ask(), Offer) is offered


async def test_what_costs_exactly_a_quarter_more_than_was_shown_is_made_and_a_micro_dollar_more_is_offered(
    office: Office,
) -> None:
    request = next(
        several
        for several in (replace(REQUEST, results=number) for number in range(1, 21))
        if prices.price(several).estimate % 5 == 0
    )
    shown = prices.price(request).estimate * 4 // 5
    assert shown * 5 == prices.price(request).estimate * 4
    assert isinstance(await office.ask(request, shown=shown), Job)
    assert isinstance(await office.ask(request, shown=shown - 1), Offer)


async def test_what_costs_less_than_was_shown_is_made(office: Office) -> None:
    assert isinstance(await office.ask(shown=10 * PRICE.estimate), Job)


async def test_a_request_that_could_not_be_made_is_not_offered(office: Office) -> None:
    await office.edits.prefer(ANA, 0)
    assert "results" in await refused(office, office.ask(replace(REQUEST, results=0)), BadOption)
    stranger = Asker(12, 1)
    assert "ALLOWED_GUILDS" in await refused(office, office.edits.ask(stranger, HERE, REQUEST), NotAllowed)


# Offers --------------------------------------------------------------------------------------------------------------


async def test_of_two_who_accept_an_offer_at_once_one_wins(office: Office) -> None:
    offer = await office.offered()
    answers = await asyncio.gather(*(office.edits.accept(offer.id, ANA) for _ in range(2)), return_exceptions=True)
    assert sorted(type(answer).__name__ for answer in answers) == ["Job", "NotFound"]
    assert await office.database.read(ledger.open_holds) == (1, PRICE.hold)
    sentence = await refused(office, office.edits.accept(offer.id, ANA), NotFound)
    assert (
        sentence == "That question was answered or asked anew already, or an hour has passed: ask for the edit again."
    )


async def test_accepting_and_declining_at_once_leaves_a_job_or_none_but_answers_once(office: Office) -> None:
    offer = await office.offered()
    answers = await asyncio.gather(
        office.edits.accept(offer.id, ANA), office.edits.decline(offer.id, ANA), return_exceptions=True
    )
    made = [answer for answer in answers if isinstance(answer, Job)]
    assert len([answer for answer in answers if isinstance(answer, NotFound)]) == 1
    assert (await office.database.read(ledger.open_holds))[0] == len(made)


async def test_only_its_asker_answers_an_offer(office: Office) -> None:
    offer = await office.offered()
    for answer in (office.edits.accept, office.edits.decline):
        assert "Only the person who asked" in await refused(office, answer(offer.id, BO), NotAllowed)
        await refused(office, answer(offer.id, ABROAD), NotFound)
        await refused(office, answer(offer.id + 1, ANA), NotFound)
    assert isinstance(await office.edits.accept(offer.id, ANA), Job)


async def test_an_offer_stands_for_an_hour(office: Office) -> None:
    offer = await office.offered()
    office.now += HOUR - 1
    assert await office.edits.offer(offer.id, ANA) == offer
    office.now += 1
    for answer in (office.edits.offer, office.edits.accept, office.edits.decline):
        assert "an hour has passed" in await refused(office, answer(offer.id, ANA), NotFound)


async def test_a_declined_offer_is_gone_and_was_never_held(office: Office) -> None:
    offer = await office.offered()
    assert await office.edits.decline(offer.id, ANA) == offer
    await refused(office, office.edits.accept(offer.id, ANA), NotFound)
    assert await office.database.read(ledger.open_holds) == (0, 0)


async def test_an_offer_that_does_not_fit_stands_for_another_try(office: Office) -> None:
    offer = await office.offered()
    limit = await office.limit(PRICE.hold - 1)
    sentence = await refused(office, office.edits.accept(offer.id, ANA), OverQuota)
    assert "the limits of this server" in sentence
    await office.budgets.disallow(MANAGER, limit or 0)
    assert isinstance(await office.edits.accept(offer.id, ANA), Job)


async def test_an_accepted_offer_above_the_price_to_approve_waits_for_a_manager(office: Office) -> None:
    offer = await office.offered()
    await office.budgets.change(MANAGER, approve_above=0)
    job = await office.edits.accept(offer.id, ANA)
    assert isinstance(job, Job)
    assert (job.status, job.place, job.request) == (Status.WAITING, offer.place, REQUEST)


async def test_an_offer_whose_price_rose_by_more_than_a_quarter_stands_anew_at_the_new_one(office: Office) -> None:
    offer = await office.offered()

    async def risen(tx: Tx) -> None:
        await tx.execute("UPDATE offers SET price = ?2 WHERE id = ?1", offer.id, offer.price * 100 // 126)

    await office.database.run(risen)
    asked = await office.edits.accept(offer.id, ANA)
    assert isinstance(asked, Offer)
    assert (asked.id, asked.price) == (offer.id, offer.price)
    old = offer.price * 100 // 126
    again = await office.edits.accept(offer.id, ANA, shown=old)
    assert isinstance(again, Offer), "a second press on the old question is no yes to the new price"
    assert await office.database.read(jobs.open_ids) == []
    assert isinstance(await office.edits.accept(offer.id, ANA, shown=asked.price), Job)


async def test_a_server_that_may_not_spend_any_more_approves_nothing(office: Office) -> None:
    job = await office.waiting()
    office.edits._settings = office.edits._settings.model_copy(update={"allowed_guilds": frozenset({99})})
    with pytest.raises(NotAllowed, match="ALLOWED_GUILDS"):
        await office.edits.approve(job.id, manager=MANAGER, asker=ANA)
    assert (await office.edits.job(job.id)).status is Status.WAITING


# Pauses --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("manager", "channel_id", "where"),
    [(MANAGER, 100, "in this channel"), (MANAGER, 0, "in this server"), (None, 0, "everywhere")],
)
async def test_a_paused_place_refuses_to_ask_to_offer_to_accept_and_to_approve_with_the_reason(
    office: Office, manager: Asker | None, channel_id: int, where: str
) -> None:
    offer, waiting = await office.offered(), await office.waiting()
    await office.budgets.pause(manager, channel_id, "We are  over\nbudget.")
    asked: list[Callable[[], Awaitable[object]]] = [
        office.ask,
        lambda: office.edits.ask(BO, HERE, REQUEST),
        lambda: office.edits.request(BO, IN_ITS_THREAD, REQUEST),
        lambda: office.edits.accept(offer.id, ANA),
        lambda: office.approve(waiting),
    ]
    for ask in asked:
        assert await refused(office, ask(), Paused) == f"Edits are paused {where}: We are over budget."
    await office.budgets.resume(manager, channel_id)
    for ask in asked:
        await ask()


async def test_a_pause_reaches_no_further_than_it_says(office: Office) -> None:
    await office.budgets.pause(MANAGER, 100, "rest")
    assert isinstance(await office.ask(place=ELSEWHERE), Job)
    await office.budgets.pause(MANAGER, 0, "rest")
    assert isinstance(await office.edits.ask(ABROAD, HERE, REQUEST), Job)


# Approval ------------------------------------------------------------------------------------------------------------


async def test_an_edit_whose_picture_was_taken_down_while_it_waited_is_not_approved_and_can_be_declined(
    studio: Studio,
) -> None:
    parent, beside = await studio.make(), await studio.make()
    await studio.budgets.change(studio.MODERATOR, approve_above=0)
    job = await studio.ask(studio.BO, parent, beside)
    await studio.edits.delete(beside.id, asker=studio.ANA, manages=False)
    said = await studio.refusal(studio.edits.approve(job.id, manager=studio.MODERATOR, asker=studio.BO), NotFound)
    assert said == f"#{beside.id} was taken down, so nothing can be made of it. Decline this edit."
    await studio.edits.refuse(job.id, manager=studio.MODERATOR)
    assert await studio.used(studio.BO) == (0, 0)
    await studio.check_books()


async def test_an_edit_above_the_price_to_approve_waits_with_its_hold_kept_and_one_at_it_does_not(
    office: Office,
) -> None:
    await office.budgets.change(MANAGER, approve_above=PRICE.estimate)
    assert (await office.edits.request(BO, HERE, REQUEST)).status is Status.QUEUED
    await office.budgets.change(MANAGER, approve_above=PRICE.estimate - 1)
    job = await office.edits.request(ANA, HERE, REQUEST)
    assert job.status is Status.WAITING
    assert await office.held(START) == PRICE.hold
    claimed = [await office.claim(), await office.claim()]
    assert [one.user_id for one in claimed if one is not None] == [2]


async def test_an_approved_edit_is_held_in_the_window_of_now_and_queued(office: Office) -> None:
    job = await office.waiting()
    office.now += DAY - HOUR
    approved = await office.approve(job)
    assert (approved.status, approved.hold, approved.task_uuid) == (Status.QUEUED, job.hold, job.task_uuid)
    assert (await office.held(START), await office.held(office.now)) == (0, job.hold)
    assert await office.kinds(job) == [EntryKind.HOLD, EntryKind.RELEASE, EntryKind.HOLD]
    assert await office.database.read(ledger.open_holds) == (1, job.hold)
    claimed = await office.claim()
    assert claimed is not None
    assert claimed.id == job.id
    for day in {books.EPOCH + at // DAY for at in (START, office.now)}:
        assert await office.database.read(books.differences, day) == []


async def test_an_approval_needs_no_room_beside_the_hold_it_replaces(office: Office) -> None:
    job = await office.waiting()
    await office.limit(job.hold)
    await office.limit(job.hold, Scope.MEMBER, ANA.user_id)
    assert (await office.approve(job)).status is Status.QUEUED


async def test_an_edit_whose_limits_were_lowered_goes_on_waiting_until_it_fits(office: Office) -> None:
    job = await office.waiting()
    limit = await office.limit(job.hold - 1, Scope.MEMBER, ANA.user_id)
    assert "your own limits" in await refused(office, office.approve(job), OverQuota)
    assert (await office.edits.job(job.id)).status is Status.WAITING
    assert await office.held(START) == job.hold
    await office.budgets.disallow(MANAGER, limit or 0)
    assert (await office.approve(job)).status is Status.QUEUED


async def test_an_edit_is_approved_by_the_roles_its_asker_has_now(office: Office) -> None:
    await office.limit(10 * PRICE.hold, Scope.ROLE, 70)
    await office.limit(PRICE.hold, Scope.ROLE, 71)
    await office.limit(PRICE.hold - 1, Scope.ROLE, 10)
    job = await office.waiting(replace(ANA, role_ids=frozenset([10, 70])))
    assert await office.database.read(_role_of, job.id) == 70
    assert "the limits of everybody here" in await refused(office, office.approve(job), OverQuota)
    await office.approve(job, asker=replace(ANA, role_ids=frozenset([10, 71])))
    assert await office.database.read(_role_of, job.id) == 71


async def _role_of(tx: Tx, job_id: int) -> int | None:
    row = await tx.fetch_one("SELECT role_id FROM holds WHERE job_id = ?1", job_id)
    return None if row is None else row["role_id"]


async def test_a_declined_edit_gives_its_hold_back(office: Office) -> None:
    job = await office.waiting()
    declined = await office.edits.refuse(job.id, manager=MANAGER)
    assert (declined.status, declined.error_code) == (Status.CANCELLED, orders.DECLINED)
    assert await office.kinds(job) == [EntryKind.HOLD, EntryKind.RELEASE]
    assert await office.held(START) == 0
    assert await office.database.read(ledger.open_holds) == (0, 0)


async def test_each_answer_of_a_manager_is_in_the_audit_log(office: Office) -> None:
    approved, declined = await office.waiting(), await office.waiting()
    office.now += 5
    await office.approve(approved)
    office.now += 5
    await office.edits.refuse(declined.id, manager=OTHER_MANAGER)
    assert await office.changes() == [
        (START + 10, OTHER_MANAGER.user_id, "waiting", "declined"),
        (START + 5, MANAGER.user_id, "waiting", "approved"),
    ]
    subjects = [change.subject for change in await office.budgets.changes(10)]
    assert subjects[:2] == [f"edit {job.id} at $0.0261" for job in (declined, approved)]


async def cancelled(office: Office, job: Job) -> None:
    await office.edits.cancel(job.id, asker=ANA, manages=False)


async def unapproved(office: Office, job: Job) -> None:
    office.now += edits.APPROVAL_LIFE
    await office.bookkeeper.tick()
    assert (await office.edits.job(job.id)).error_code == edits.UNAPPROVED


async def declined(office: Office, job: Job) -> None:
    await office.edits.refuse(job.id, manager=OTHER_MANAGER)


async def approved(office: Office, job: Job) -> None:
    await office.approve(job, OTHER_MANAGER)


async def sent(office: Office, job: Job) -> None:
    await office.approve(job, OTHER_MANAGER)
    assert await office.claim() is not None


@pytest.mark.parametrize("answered", [cancelled, unapproved, declined, approved, sent])
async def test_an_edit_that_waits_no_more_can_be_neither_approved_nor_declined(
    office: Office, answered: Callable[[Office, Job], Awaitable[None]]
) -> None:
    job = await office.waiting()
    await answered(office, job)
    sentence = "That edit does not wait for a manager any more: it was answered, cancelled, or a day has passed."
    assert await refused(office, office.approve(job), TooLate) == sentence
    assert await refused(office, office.edits.refuse(job.id, manager=MANAGER), TooLate) == sentence


@pytest.mark.parametrize("answers", ["approve approve", "approve refuse", "refuse refuse", "approve cancel"])
async def test_of_two_who_answer_at_once_one_wins(office: Office, answers: str) -> None:
    job = await office.waiting()
    given: dict[str, Callable[[Asker], Awaitable[Job]]] = {
        "approve": lambda manager: office.approve(job, manager),
        "refuse": lambda manager: office.edits.refuse(job.id, manager=manager),
        "cancel": lambda _: office.edits.cancel(job.id, asker=ANA, manages=False),
    }
    first, second = answers.split()
    said = await asyncio.gather(given[first](MANAGER), given[second](OTHER_MANAGER), return_exceptions=True)
    now = await office.edits.job(job.id)
    if second == "cancel":  # an approved edit can be cancelled still, a cancelled one not approved
        assert now.status is Status.CANCELLED
    else:
        assert sorted(isinstance(answer, TooLate) for answer in said) == [False, True]
        assert len(await office.changes()) == 1
    assert (await office.database.read(ledger.open_holds))[0] == (now.status is Status.QUEUED)


async def test_nobody_answers_for_another_server_or_for_an_edit_that_is_not(office: Office) -> None:
    job = await office.waiting()
    stranger = Asker(11, 8, frozenset([11]))
    assert "not of this server" in await refused(office, office.approve(job, stranger), NotFound)
    assert "not of this server" in await refused(office, office.edits.refuse(job.id, manager=stranger), NotFound)
    await refused(office, office.edits.approve(job.id + 1, manager=MANAGER, asker=ANA), NotFound)
    await refused(office, office.edits.refuse(job.id + 1, manager=MANAGER), NotFound)


async def test_an_edit_of_somebody_who_was_forgotten_can_be_declined_but_not_approved(office: Office) -> None:
    job = await office.waiting()
    await office.forget(ANA)
    assert "decline it" in await refused(office, office.approve(job), NotFound)
    assert (await office.edits.refuse(job.id, manager=MANAGER)).status is Status.CANCELLED
    assert await office.database.read(ledger.open_holds) == (0, 0)
    assert await office.database.read(books.differences, books.EPOCH + START // DAY) == []


async def test_an_edit_is_approved_on_the_account_of_its_asker_alone(office: Office) -> None:
    job = await office.waiting()
    await refused(office, office.approve(job, asker=BO), NotFound)
