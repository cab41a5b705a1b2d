"""The fault plan and what it does."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Literal

import aiohttp
import pytest

from playground.runware import Faults, LocalRunware, Retries

MakeTask = Callable[..., dict[str, Any]]
QUICK = (0.0, 0.0)


# The plan itself


def test_a_value_that_a_field_does_not_know_is_refused() -> None:
    faults = Faults()
    for name, value in (("delivery", "nver"), ("nsfw", "yes"), ("delivery_shape", 6), ("delivery_shape", True)):
        with pytest.raises(ValueError, match=name):
            setattr(faults, name, value)
    with pytest.raises(AttributeError):
        faults.__setattr__("colour", "red")
    assert faults == Faults()


def test_a_plan_can_be_written_in_words() -> None:
    faults = Faults()
    faults.read(
        ["delivery=twice", "submit_times=2", "nsfw=true", "delivery_shape=4", "fail=providerTimeout", "submit=503"]
    )
    assert (faults.delivery, faults.submit_times, faults.nsfw, faults.delivery_shape) == ("twice", 2, True, 4)
    assert (faults.fail, faults.submit) == ("providerTimeout", "503")
    faults.read(["fail=", "late_seconds=0.25"])
    assert (faults.fail, faults.late_seconds) == (None, 0.25)
    for words in ("colour=red", "delivery=never", "late_seconds=soon", "nsfw=perhaps"):
        with pytest.raises(ValueError, match=r"colour|delivery|soon|nsfw"):
            faults.read([words])


def test_a_fault_applies_as_often_as_it_says() -> None:
    faults = Faults(submit="503", submit_times=2)
    assert [faults.take("submit") for _ in range(3)] == ["503", "503", "ok"]
    assert Faults(poll="429").take("poll") == "429"


# Submitting


@pytest.mark.parametrize(("fault", "taken"), [("reset_before", 0), ("reset_after", 1)])
async def test_a_connection_drops_before_or_after_the_task_is_taken(
    caller: Any, make_task: MakeTask, fault: Any, taken: int
) -> None:
    async with LocalRunware(submit=fault, submit_times=1) as runware:
        task = make_task(deliveryMethod="async")
        runware.pause()
        with pytest.raises(aiohttp.ClientConnectionError):
            await caller.post(runware, task)
        assert len(runware.tasks) == taken
        assert runware.requests == [task]
        status, body = await caller.post(runware, task)
        assert status == (400 if taken else 200)
        assert not taken or body["errors"][0]["code"] == "conflictTaskUUID"
        runware.resume()
        await runware.idle()
        assert (await caller.poll(runware, task))["data"][0]["status"] == "success"


@pytest.mark.parametrize(
    ("fault", "status", "taken"),
    [("402", 402, 0), ("429", 429, 0), ("503", 503, 0), ("504", 504, 0), ("503_after", 503, 1), ("504_after", 504, 1)],
)
async def test_a_refusal_may_hide_that_the_task_was_taken(
    caller: Any, make_task: MakeTask, fault: Any, status: int, taken: int
) -> None:
    async with LocalRunware(submit=fault) as runware:
        given, body = await caller.post(runware, make_task(deliveryMethod="async"))
        assert (given, "errors" in body, len(runware.tasks)) == (status, True, taken)
        runware.faults.refusal_body = "html"
        given, body = await caller.post(runware, make_task())
        assert (given, body[:6]) == (status, "<html>")
        # Other tasks are not submits.
        assert (await caller.post(runware, {"taskType": "ping"}))[0] == 200


@pytest.mark.parametrize(
    ("shape", "expected"),
    [("error", {"code": "valueTooLarge"}), ("error_list", [{"code": "valueTooLarge"}]), ("flag", True)],
)
async def test_errors_come_in_odd_envelopes_and_with_200(
    caller: Any, make_task: MakeTask, shape: Any, expected: Any
) -> None:
    async with LocalRunware(error_shape=shape, error_status="200") as runware:
        status, body = await caller.post(runware, make_task(steps=51))
        assert status == 200
        said = body["error"]
        if shape == "flag":
            assert "steps" in body["errorMessage"]
        else:
            said = [{"code": one["code"]} for one in said] if isinstance(said, list) else {"code": said["code"]}
        assert said == expected


# Polling


@pytest.mark.parametrize("fault", ["429", "503", "504"])
async def test_a_poll_can_be_refused(caller: Any, make_task: MakeTask, fault: Any) -> None:
    async with LocalRunware(poll=fault, poll_times=1) as runware:
        ask = {"taskType": "getResponse", "taskUUID": make_task()["taskUUID"]}
        assert [(await caller.post(runware, ask))[0] for _ in range(2)] == [int(fault), 200]
        runware.faults.poll, runware.faults.poll_times = "reset", None
        with pytest.raises(aiohttp.ClientConnectionError):
            await caller.post(runware, ask)


async def test_a_504_of_a_poll_may_tell_that_the_task_failed(caller: Any, make_task: MakeTask) -> None:
    async with LocalRunware(work_seconds=QUICK, fail="failedProviderTimeout", poll="504_terminal") as runware:
        task = make_task(deliveryMethod="async")
        await caller.post(runware, task)
        await runware.idle()
        ask = {"taskType": "getResponse", "taskUUID": task["taskUUID"]}
        status, body = await caller.post(runware, ask)
        assert (status, body["errors"][0]["code"], body["errors"][0]["status"]) == (
            504,
            "failedProviderTimeout",
            "error",
        )


# Failing


async def test_a_failed_task_is_told_for_each_item_or_once(caller: Any, make_task: MakeTask, listener: Any) -> None:
    async with LocalRunware(work_seconds=QUICK, fail="contentPolicyViolation") as runware:
        ways: list[tuple[Literal["items", "task"], int]] = [("items", 3), ("task", 1)]
        for runware.faults.fail_as, count in ways:
            listener.bodies.clear()
            task = make_task(deliveryMethod="async", numberResults=3, webhookURL=f"{listener.url}/hook")
            await caller.post(runware, task)
            await runware.idle()
            body = await caller.poll(runware, task)
            assert body["errors"] == [{**listener.bodies[0]["errors"][0], "status": "error"}] * count
            assert body["errors"][0]["code"] == "contentPolicyViolation"
            assert len(listener.bodies) == count
        assert runware.balance == 100


async def test_some_items_may_fail_and_the_others_not(caller: Any, make_task: MakeTask) -> None:
    async with LocalRunware(work_seconds=QUICK, fail_items=2) as runware:
        task = make_task(numberResults=5, seed=1)
        status, body = await caller.post(runware, task)
        assert (status, [item["seed"] for item in body["data"]]) == (200, [1, 2, 3])
        assert [error["code"] for error in body["errors"]] == ["inferenceError"] * 2
        runware.faults.item_errors = "in_item"
        polled = await caller.poll(runware, task)
        assert [item["status"] for item in polled["data"]] == ["success"] * 3 + ["error"] * 2
        assert polled["data"][-1]["error"]["code"] == "inferenceError"
        runware.faults.fail_items = 0
        runware.faults.fail = "taskFailed"
        assert len((await caller.post(runware, make_task()))[1]["data"]) == 1


# Costs


async def test_what_is_said_of_the_cost_can_change_later(caller: Any, make_task: MakeTask) -> None:
    async with LocalRunware(work_seconds=QUICK, cost="absent") as runware:
        task = make_task()
        _, body = await caller.post(runware, task)
        assert "cost" not in body["data"][0]
        runware.faults.cost = "zero"
        assert (await caller.poll(runware, task))["data"][0]["cost"] == 0
        runware.faults.cost = "above_hold"
        assert (await caller.poll(runware, task))["data"][0]["cost"] > 1
        runware.faults.cost = "normal"
        assert (await caller.poll(runware, task))["data"][0]["cost"] == 100 - runware.balance


# Deliveries


async def run(runware: LocalRunware, caller: Any, task: dict[str, Any]) -> None:
    await caller.post(runware, task)
    await runware.idle()


async def test_each_item_is_delivered_once_as_it_is_polled(caller: Any, make_task: MakeTask, listener: Any) -> None:
    async with LocalRunware() as runware:
        task = make_task(deliveryMethod="async", numberResults=3, webhookURL=f"{listener.url}/hook")
        await run(runware, caller, task)
        polled = (await caller.poll(runware, task))["data"]
        assert all(len(body["data"]) == 1 for body in listener.bodies)
        delivered = {body["data"][0]["imageUUID"]: body["data"][0] for body in listener.bodies}
        assert len(listener.bodies) == 3
        for item in polled:
            told = delivered[item["imageUUID"]]
            assert {**told, "cost": Decimal(str(told["cost"])), "status": "success"} == item
        assert [call.status for call in runware.deliveries] == [204] * 3


async def test_every_delivery_has_its_own_connection(caller: Any, make_task: MakeTask, listener: Any) -> None:
    async with LocalRunware(work_seconds=QUICK, delivery="twice") as runware:
        await run(runware, caller, make_task(deliveryMethod="async", webhookURL=f"{listener.url}/hook"))
        assert len(set(listener.peers)) == 2


async def test_a_delivery_that_is_not_taken_is_repeated_until_it_is(
    caller: Any, make_task: MakeTask, listener: Any
) -> None:
    retries = Retries(attempts=4, first_delay=0.001, longest_delay=0.002)
    async with LocalRunware(work_seconds=QUICK, retries=retries) as runware:
        task = make_task(deliveryMethod="async", webhookURL=f"{listener.url}/hook")
        listener.answers = [500, 302]
        await run(runware, caller, task)
        assert [call.status for call in runware.deliveries] == [500, 302, 204]
        assert listener.bodies[0] == listener.bodies[2]
        listener.answers = [503] * 10
        await run(runware, caller, make_task(deliveryMethod="async", webhookURL=f"{listener.url}/hook"))
        assert len(listener.bodies) == 3 + 4
        nowhere = make_task(deliveryMethod="async", webhookURL="http://127.0.0.1:9/hook")
        await run(runware, caller, nowhere)
        assert [call.status for call in runware.deliveries][-4:] == [None] * 4


def test_the_waits_between_attempts_double_up_to_a_bound() -> None:
    class Middle:
        def uniform(self, low: float, high: float) -> float:
            return (low + high) / 2

    middle: Any = Middle()
    waits = [Retries().delay(attempt, middle) for attempt in range(8)]
    assert waits == [0.25, 0.5, 1, 2, 4, 8, 8, 8]


async def test_a_listener_that_does_not_answer_is_given_up_on_in_time(caller: Any, make_task: MakeTask) -> None:
    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(never, "127.0.0.1", 0)
    async with server, LocalRunware(work_seconds=QUICK, retries=Retries(attempts=1, timeout=0.05)) as runware:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
        await run(runware, caller, make_task(deliveryMethod="async", webhookURL=url))
        assert [call.status for call in runware.deliveries] == [None]


async def test_a_delivery_may_come_twice_or_never(caller: Any, make_task: MakeTask, listener: Any) -> None:
    async with LocalRunware(work_seconds=QUICK, delivery="twice") as runware:
        await run(runware, caller, make_task(deliveryMethod="async", webhookURL=f"{listener.url}/hook"))
        assert len(listener.bodies) == 2
        assert listener.bodies[0] == listener.bodies[1]
        runware.faults.delivery = "lost"
        await run(runware, caller, make_task(deliveryMethod="async", webhookURL=f"{listener.url}/hook"))
        assert len(listener.bodies) == 2


async def test_a_delivery_may_overtake_the_acknowledgement(caller: Any, make_task: MakeTask, listener: Any) -> None:
    async with LocalRunware(delivery="before_ack") as runware:
        task = make_task(deliveryMethod="async", numberResults=2, webhookURL=f"{listener.url}/hook")
        await caller.post(runware, task)
        assert len(listener.bodies) == 2


async def test_a_paused_service_acknowledges_what_it_cannot_deliver_first(
    caller: Any, make_task: MakeTask, listener: Any
) -> None:
    async with LocalRunware(delivery="before_ack") as runware:
        runware.pause()
        task = make_task(deliveryMethod="async", webhookURL=f"{listener.url}/hook")
        assert (await caller.post(runware, task))[0] == 200
        assert listener.bodies == []
        runware.resume()
        await runware.idle()
        assert len(listener.bodies) == 1


async def test_a_late_delivery_comes_after_the_poll_knows(caller: Any, make_task: MakeTask, listener: Any) -> None:
    async with LocalRunware(work_seconds=QUICK, delivery="late", late_seconds=0.2) as runware:
        task = make_task(deliveryMethod="async", webhookURL=f"{listener.url}/hook")
        await caller.post(runware, task)
        await runware.tasks[task["taskUUID"]].ended.wait()
        assert (await caller.poll(runware, task))["data"][0]["status"] == "success"
        assert listener.bodies == []
        await runware.idle()
        assert len(listener.bodies) == 1


async def test_deliveries_may_come_in_reverse_when_all_is_over(caller: Any, make_task: MakeTask, listener: Any) -> None:
    async with LocalRunware(delivery="reordered") as runware:
        task = make_task(deliveryMethod="async", numberResults=4, seed=1, webhookURL=f"{listener.url}/hook")
        await run(runware, caller, task)
        assert [body["data"][0]["seed"] for body in listener.bodies] == [4, 3, 2, 1]


async def test_a_paused_service_delivers_nothing(caller: Any, make_task: MakeTask, listener: Any) -> None:
    async with LocalRunware(work_seconds=QUICK, delivery="late", late_seconds=0.05) as runware:
        task = make_task(deliveryMethod="async", webhookURL=f"{listener.url}/hook")
        await caller.post(runware, task)
        await runware.tasks[task["taskUUID"]].ended.wait()
        runware.pause()
        await asyncio.sleep(0.15)
        assert listener.bodies == []
        runware.resume()
        await runware.idle()
        assert len(listener.bodies) == 1


@pytest.mark.parametrize(
    ("shape", "failure"),
    [
        (1, {"errors"}),
        (2, {"status", "code", "message", "taskUUID"}),
        (3, {"errors"}),
        (4, {"error"}),
        (5, {"status", "code", "message", "taskUUID"}),
    ],
)
async def test_a_delivery_has_the_shape_of_the_table(
    caller: Any, make_task: MakeTask, listener: Any, shape: Any, failure: set[str]
) -> None:
    async with LocalRunware(work_seconds=QUICK, delivery_shape=shape, fail_items=1) as runware:
        task = make_task(deliveryMethod="async", numberResults=2, webhookURL=f"{listener.url}/hook")
        await run(runware, caller, task)
        [good] = [body for body in listener.bodies if "imageUUID" in str(body)]
        [bad] = [body for body in listener.bodies if "imageUUID" not in str(body)]
        assert set(bad) == failure
        assert ("imageURL" in good, "data" in good) == ((True, False) if shape in {2, 5} else (False, True))


async def test_deliveries_alone_may_lie(caller: Any, make_task: MakeTask, listener: Any) -> None:
    plan = Faults(cost="above_hold", foreign_host=True, only_deliveries=True)
    async with LocalRunware(work_seconds=QUICK, faults=plan) as runware:
        task = make_task(deliveryMethod="async", webhookURL=f"{listener.url}/hook")
        await run(runware, caller, task)
        [told], [polled] = listener.bodies[0]["data"], (await caller.poll(runware, task))["data"]
        assert told["cost"] > 1 > polled["cost"]
        assert runware.host not in told["imageURL"]
        assert runware.host in polled["imageURL"]


@pytest.mark.parametrize(("plan", "told"), [("whole", 1.0), ("cut", 0.5), ("text", 0.0), ("absent", None)])
async def test_an_inline_picture_may_be_damaged(
    caller: Any, make_task: MakeTask, listener: Any, plan: Any, told: float | None
) -> None:
    async with LocalRunware(work_seconds=QUICK, inline=plan, only_deliveries=True) as runware:
        webhook = f"{listener.url}/hook"
        await run(runware, caller, make_task(outputType="base64Data", deliveryMethod="async", webhookURL=webhook))
        [item] = listener.bodies[0]["data"]
        [task] = runware.tasks.values()
        [polled] = (await caller.poll(runware, task.request))["data"]
        whole = base64.b64decode(polled["imageBase64Data"])
        if told is None:
            assert "imageBase64Data" not in item
        else:
            said = base64.b64decode(item["imageBase64Data"])
            assert said == (whole[: int(len(whole) * told)] or b"Not today.")


async def test_a_synchronous_task_calls_its_webhook_too(caller: Any, make_task: MakeTask, listener: Any) -> None:
    async with LocalRunware(work_seconds=QUICK) as runware:
        _, body = await caller.post(runware, make_task(webhookURL=f"{listener.url}/hook"))
        await runware.idle()
        assert listener.bodies[0]["data"][0]["imageUUID"] == body["data"][0]["imageUUID"]
