"""The service over real HTTP: calls, answers, polls, pictures."""

from __future__ import annotations

import asyncio
import base64
import io
import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from PIL import Image

from playground.runware import UNSAFE_WORD, LocalRunware
from playground.runware.gallery import decode

MakeTask = Callable[..., dict[str, Any]]
QUICK = (0.0, 0.0)


# Who may ask


async def test_any_key_opens_unless_one_is_set(caller: Any) -> None:
    ping = {"taskType": "ping", "ping": True}
    async with LocalRunware() as runware:
        assert await caller.post(runware, ping) == (200, {"data": [{"taskType": "ping", "pong": True}]})
        caller.key = None
        for headers in ({}, {"Authorization": "Bearer "}, {"Authorization": "Basic x"}):
            status, body = await caller.post(runware, ping, **headers)
            assert (status, body["errors"][0]["code"]) == (401, "invalidApiKey")
    async with LocalRunware(key="the key") as runware:
        for key, expected in (("other", 401), ("the key", 200)):
            status, _ = await caller.post(runware, ping, Authorization=f"Bearer {key}")
            assert status == expected


async def test_an_authentication_element_opens_too_and_is_not_kept(caller: Any) -> None:
    caller.key = None
    async with LocalRunware(key="the key") as runware:
        for key, expected in (("the key", 200), ("other", 401), ("", 401), (7, 401), ("\ud800", 401)):
            element = {"taskType": "authentication", "apiKey": key}
            status, _ = await caller.post(runware, element, {"taskType": "ping", "ping": True})
            assert status == expected
        assert runware.received == [{"taskType": "ping", "ping": True}]


async def test_a_call_without_a_key_is_refused_before_it_is_read(caller: Any) -> None:
    async with LocalRunware() as runware:
        for headers, expected in (({}, (401, "invalidApiKey")), ({"Authorization": "Bearer k"}, (400, "invalidJson"))):
            async with caller.session.post(runware.url, data=b"{", headers=headers) as answer:
                assert (answer.status, (await answer.json())["errors"][0]["code"]) == expected


# Synchronous tasks


@pytest.mark.parametrize(("output", "format_"), [("JPG", "JPEG"), ("PNG", "PNG"), ("WEBP", "WEBP")])
async def test_a_result_is_a_real_picture_of_the_size_and_format(
    caller: Any, make_task: MakeTask, output: str, format_: str
) -> None:
    async with LocalRunware(work_seconds=QUICK) as runware:
        task = make_task(seed=29892, outputFormat=output)
        status, body = await caller.post(runware, task)
        [result] = body["data"]
        assert status == 200
        assert (result["taskUUID"], result["taskType"], result["seed"]) == (task["taskUUID"], "imageInference", 29892)
        assert result["imageUUID"] in result["imageURL"]
        assert result["imageURL"].startswith(f"http://{runware.host}/")
        assert 0 < result["cost"] < 1
        assert "NSFWContent" not in result
        assert "status" not in result
        status, media_type, data = await caller.get(result["imageURL"])
        picture = Image.open(io.BytesIO(data))
        assert (status, picture.format, picture.size) == (200, format_, (128, 144))
        assert media_type == f"image/{format_.lower()}"
        assert runware.fetched == [result["imageURL"]]


async def test_the_same_seed_gives_the_same_bytes_and_cost(caller: Any, make_task: MakeTask) -> None:
    async with LocalRunware(work_seconds=QUICK) as runware:
        answers = [await caller.post(runware, make_task(seed=5, outputType="base64Data")) for _ in range(2)]
        first, second = (body["data"][0] for _, body in answers)
        assert first["imageBase64Data"] == second["imageBase64Data"]
        assert first["cost"] == second["cost"]
        assert first["imageUUID"] != second["imageUUID"]


async def test_results_come_as_data_uri_and_base64_when_asked(caller: Any, make_task: MakeTask) -> None:
    async with LocalRunware(work_seconds=QUICK) as runware:
        _, body = await caller.post(runware, make_task(outputType="dataURI", outputFormat="PNG"))
        head, _, encoded = body["data"][0]["imageDataURI"].partition(",")
        assert head == "data:image/png;base64"
        assert Image.open(io.BytesIO(base64.b64decode(encoded))).format == "PNG"
        assert "imageURL" not in body["data"][0]


async def test_a_lower_quality_makes_fewer_bytes(caller: Any, make_task: MakeTask) -> None:
    async with LocalRunware(work_seconds=QUICK) as runware:
        sizes: list[int] = []
        for quality in (20, 95):
            _, body = await caller.post(runware, make_task(seed=1, outputQuality=quality, outputType="base64Data"))
            sizes.append(len(body["data"][0]["imageBase64Data"]))
        assert sizes[0] < sizes[1] / 2


async def test_several_results_have_their_own_seeds_costs_and_pictures(caller: Any, make_task: MakeTask) -> None:
    async with LocalRunware(work_seconds=QUICK) as runware:
        _, body = await caller.post(runware, make_task(seed=10, numberResults=3))
        assert [result["seed"] for result in body["data"]] == [10, 11, 12]
        assert len({result["imageUUID"] for result in body["data"]}) == 3
        assert {result["taskUUID"] for result in body["data"]} == {body["data"][0]["taskUUID"]}


async def test_cost_is_said_only_when_asked_and_is_taken_from_the_balance(caller: Any, make_task: MakeTask) -> None:
    async with LocalRunware(work_seconds=QUICK, balance=Decimal(1)) as runware:
        _, body = await caller.post(runware, make_task(includeCost=None))
        assert "cost" not in body["data"][0]
        left = runware.balance
        assert left < 1
        _, body = await caller.post(runware, make_task())
        assert runware.balance == left - body["data"][0]["cost"]


async def test_without_money_tasks_are_refused(caller: Any, make_task: MakeTask) -> None:
    async with LocalRunware(work_seconds=QUICK, balance=Decimal(0)) as runware:
        status, body = await caller.post(runware, make_task())
        assert (status, body["errors"][0]["code"]) == (402, "insufficientCredits")
        runware.balance = Decimal(1)
        assert (await caller.post(runware, make_task()))[0] == 200


async def test_the_balance_comes_in_both_forms(caller: Any) -> None:
    ask = {"taskType": "accountManagement", "taskUUID": str(uuid4()), "operation": "getDetails"}
    async with LocalRunware(balance=Decimal("12.5")) as runware:
        _, body = await caller.post(runware, ask)
        assert body["data"][0]["balance"] == {"amount": Decimal("12.5"), "currency": "USD"}
        runware.faults.balance_form = "number"
        _, body = await caller.post(runware, ask)
        assert body["data"][0]["balance"] == Decimal("12.5")


async def test_one_call_may_be_part_data_and_part_errors(caller: Any, make_task: MakeTask) -> None:
    async with LocalRunware(work_seconds=QUICK) as runware:
        good, bad = make_task(), make_task(steps=99)
        status, body = await caller.post(runware, good, bad, {"taskType": "dance"}, {"taskType": []})
        assert status == 200
        assert [result["taskUUID"] for result in body["data"]] == [good["taskUUID"]]
        codes = [(error["code"], error.get("taskUUID")) for error in body["errors"]]
        assert codes == [("valueTooLarge", bad["taskUUID"]), ("invalidTaskType", None), ("invalidTaskType", None)]
        assert runware.requests == [good, bad]
        assert (await caller.post(runware, bad))[0] == 400


async def test_a_dry_run_checks_and_prices_and_does_nothing(caller: Any, make_task: MakeTask) -> None:
    async with LocalRunware(work_seconds=QUICK) as runware:
        task = make_task(seed=4)
        dry = {"X-Runware-Dry-Run": "1"}
        _, told = await caller.post(runware, task, **dry)
        assert not runware.tasks
        assert (await caller.post(runware, make_task(steps=0), **dry))[0] == 400
        _, done = await caller.post(runware, task)
        assert told["data"][0]["cost"] == done["data"][0]["cost"]


async def test_the_form_of_2025_is_refused_unless_switched_on(caller: Any, make_task: MakeTask, data_uri: str) -> None:
    async with LocalRunware(work_seconds=QUICK) as runware:
        task = make_task(inputs=None, referenceImages=[data_uri])
        status, body = await caller.post(runware, task)
        assert status == 400
        assert {error["code"] for error in body["errors"]} == {"unknownParameter", "missingInputs"}
        runware.faults.top_level_references = "accept"
        assert (await caller.post(runware, task))[0] == 200


async def test_a_missing_size_is_taken_unless_switched_off(caller: Any, make_task: MakeTask) -> None:
    async with LocalRunware(work_seconds=QUICK) as runware:
        task = make_task(width=None, height=None, outputType="base64Data")
        _, body = await caller.post(runware, task)
        assert Image.open(io.BytesIO(base64.b64decode(body["data"][0]["imageBase64Data"]))).size == (1024, 1024)
        runware.faults.missing_size = "refuse"
        assert (await caller.post(runware, make_task(width=None, height=None)))[0] == 400


# Safety


async def test_the_flag_stands_only_with_safety_on(caller: Any, make_task: MakeTask) -> None:
    async with LocalRunware(work_seconds=QUICK) as runware:

        async def flag(**members: Any) -> Any:
            _, body = await caller.post(runware, make_task(**members))
            assert body["data"][0]["imageURL"]
            return body["data"][0].get("NSFWContent")

        unsafe = f"a {UNSAFE_WORD.upper()} picture"
        fast = {"mode": "fast"}
        assert await flag(safety=fast) is False
        assert await flag(safety=fast, positivePrompt=unsafe) is True
        assert await flag(safety={"checkContent": True}, positivePrompt=unsafe) is True
        assert await flag(positivePrompt=unsafe) is None
        runware.faults.nsfw = True
        assert await flag(safety=fast) is True


# References


async def test_a_reference_may_be_base64_or_a_url_or_a_uuid(caller: Any, make_task: MakeTask, picture: bytes) -> None:
    async with LocalRunware(work_seconds=QUICK) as runware:
        encoded = base64.b64encode(picture).decode()
        _, body = await caller.post(runware, make_task(inputs={"referenceImages": [encoded]}))
        made = body["data"][0]
        for reference in (made["imageURL"], made["imageUUID"]):
            status, _ = await caller.post(runware, make_task(inputs={"referenceImages": [reference]}))
            assert status == 200


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        ("http://127.0.0.1:9/no.png", "failedToTransferImage"),
        ("{base}/image/none.png", "failedToTransferImage"),
        ("00000000-0000-4000-8000-000000000000", "failedToTransferImage"),
        ("abcde", "failedToTransferImage"),
        ("data:image/png;base64,AAAA", "invalidReferenceImages"),
    ],
)
async def test_a_reference_that_cannot_be_had_fails_the_task(
    caller: Any, make_task: MakeTask, reference: str, code: str
) -> None:
    async with LocalRunware(work_seconds=QUICK) as runware:
        given = reference.format(base=f"http://{runware.host}")
        status, body = await caller.post(runware, make_task(inputs={"referenceImages": [given]}))
        assert (status, body["errors"][0]["code"]) == (400, code)
        assert body["errors"][0]["parameter"] == "inputs.referenceImages"


async def test_a_bomb_is_refused_on_its_header(caller: Any, make_task: MakeTask) -> None:
    buffer = io.BytesIO()
    Image.new("1", (10_000, 8_000)).save(buffer, "PNG")
    uri = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
    async with LocalRunware(work_seconds=QUICK) as runware:
        _, body = await caller.post(runware, make_task(inputs={"referenceImages": [uri]}))
        assert (body["errors"][0]["code"], "large" in body["errors"][0]["message"]) == ("invalidReferenceImages", True)


def test_a_reference_is_turned_upright_and_its_transparency_becomes_white() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned, clear = io.BytesIO(), io.BytesIO()
    Image.new("L", (70, 30)).save(turned, "JPEG", exif=exif)
    Image.new("RGBA", (8, 8), (255, 0, 0, 0)).save(clear, "PNG")
    assert decode(turned.getvalue(), (128, 128)).size == (30, 70)
    assert decode(clear.getvalue(), (128, 128)).getpixel((0, 0)) == (255, 255, 255)


async def test_transparent_indexed_and_grey_references_are_painted(caller: Any, make_task: MakeTask) -> None:
    uris: list[str] = []
    for mode in ("RGBA", "P", "LA"):
        buffer = io.BytesIO()
        Image.new(mode, (40, 60)).save(buffer, "PNG")
        uris.append("data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode())
    async with LocalRunware(work_seconds=QUICK) as runware:
        assert (await caller.post(runware, make_task(inputs={"referenceImages": uris})))[0] == 200


# Asynchronous tasks and polls


async def test_an_async_task_is_acknowledged_and_polled(caller: Any, make_task: MakeTask) -> None:
    async with LocalRunware() as runware:
        task = make_task(deliveryMethod="async", numberResults=2)
        head = {"taskType": "imageInference", "taskUUID": task["taskUUID"]}
        runware.pause()
        assert await caller.post(runware, task) == (200, {"data": [head]})
        assert await caller.poll(runware, task) == {"data": [{**head, "status": "processing"}] * 2}
        runware.resume()
        await runware.idle()
        body = await caller.poll(runware, task)
        assert [item["status"] for item in body["data"]] == ["success", "success"]
        assert body == await caller.poll(runware, task)


async def test_a_poll_shows_what_is_finished_already(caller: Any, make_task: MakeTask) -> None:
    async with LocalRunware(work_seconds=(0.0, 0.6)) as runware:
        task = make_task(deliveryMethod="async", numberResults=12)
        await caller.post(runware, task)
        seen: set[tuple[str, ...]] = set()
        while not runware.tasks[task["taskUUID"]].ended.is_set():
            body = await caller.poll(runware, task)
            seen.add(tuple(sorted({item["status"] for item in body["data"]})))
        assert ("processing", "success") in seen
        runware.faults.poll_lists = "finished"
        assert len((await caller.poll(runware, task))["data"]) == 12


async def test_a_poll_may_leave_out_what_is_not_finished(caller: Any, make_task: MakeTask) -> None:
    async with LocalRunware(poll_lists="finished") as runware:
        runware.pause()
        task = make_task(deliveryMethod="async")
        await caller.post(runware, task)
        assert await caller.poll(runware, task) == {"data": []}


@pytest.mark.parametrize(("fail", "ended"), [(None, "success"), ("taskFailed", "error")])
async def test_a_paused_service_finishes_nothing(
    caller: Any, make_task: MakeTask, fail: str | None, ended: str
) -> None:
    async with LocalRunware(work_seconds=(0.01, 0.02), fail=fail, item_errors="in_item") as runware:
        task = make_task(deliveryMethod="async")
        await caller.post(runware, task)
        runware.pause()
        await asyncio.sleep(0.2)
        assert (await caller.poll(runware, task))["data"][0]["status"] == "processing"
        assert runware.balance == 100
        runware.resume()
        await runware.idle()
        assert (await caller.poll(runware, task))["data"][0]["status"] == ended


async def test_a_pause_during_the_painting_holds_its_result_back(caller: Any, make_task: MakeTask) -> None:
    async with LocalRunware(work_seconds=QUICK) as runware:
        await caller.post(runware, make_task(deliveryMethod="async", width=1024, height=1024))
        await asyncio.sleep(0.05)
        runware.pause()
        left = runware.balance
        # When both painters meet here, the picture is painted.
        threads, both = runware._workshop._threads, threading.Barrier(2)
        loop = asyncio.get_running_loop()
        await asyncio.gather(*(loop.run_in_executor(threads, both.wait) for _ in range(2)))
        await asyncio.sleep(0.01)
        assert runware.balance == left


async def test_an_unknown_task_is_answered_with_nothing_or_with_an_error(caller: Any, make_task: MakeTask) -> None:
    async with LocalRunware() as runware:
        assert await caller.poll(runware, make_task()) == {"data": []}
        runware.faults.unknown = "not_found"
        body = await caller.poll(runware, make_task())
        assert body["errors"][0]["code"] == "taskNotFound"
        status, body = await caller.post(runware, {"taskType": "getResponse"})
        assert (status, body["errors"][0]["code"]) == (400, "missingTaskUUID")


async def test_several_polls_fit_one_call(caller: Any, make_task: MakeTask) -> None:
    async with LocalRunware(work_seconds=QUICK) as runware:
        tasks = [make_task() for _ in range(2)]
        await caller.post(runware, *tasks)
        _, body = await caller.post(runware, *({"taskType": "getResponse", "taskUUID": t["taskUUID"]} for t in tasks))
        assert [item["taskUUID"] for item in body["data"]] == [task["taskUUID"] for task in tasks]


async def test_details_give_the_request_as_it_was_sent(caller: Any, make_task: MakeTask) -> None:
    async with LocalRunware(work_seconds=QUICK) as runware:
        task = make_task(deliveryMethod="async", webhookURL="http://127.0.0.1:9/hook?token=t", CFGScale=7.5)
        ask = {"taskType": "getTaskDetails", "taskUUID": task["taskUUID"]}
        status, body = await caller.post(runware, ask)
        assert (status, body["errors"][0]["code"]) == (404, "taskNotFound")
        runware.pause()
        await caller.post(runware, task)
        _, body = await caller.post(runware, ask)
        assert body["data"][0]["request"] == [task]
        assert body["data"][0]["response"] is None
        runware.faults.delivery = "lost"
        runware.resume()
        await runware.idle()
        _, body = await caller.post(runware, ask)
        assert body["data"][0]["response"]["data"][0]["imageURL"]
        runware.faults.details = "null"
        _, body = await caller.post(runware, ask)
        assert body["data"][0]["response"] is None


# Idempotency


async def test_a_task_in_flight_is_refused_a_second_time(caller: Any, make_task: MakeTask) -> None:
    async with LocalRunware() as runware:
        task = make_task(deliveryMethod="async")
        runware.pause()
        await caller.post(runware, task)
        again = {**task, "taskUUID": task["taskUUID"].upper()}
        for repeat in (task, again):
            status, body = await caller.post(runware, repeat)
            assert (status, body["errors"][0]["code"]) == (400, "conflictTaskUUID")
        assert len(runware.tasks) == 1
        runware.resume()
        await runware.idle()
        assert len(runware.requests) == 3


async def test_after_its_end_a_uuid_runs_again_unless_switched_off(caller: Any, make_task: MakeTask) -> None:
    async with LocalRunware(work_seconds=QUICK) as runware:
        task = make_task()
        await caller.post(runware, task)
        once = 100 - runware.balance
        assert (await caller.post(runware, task))[0] == 200
        assert 100 - runware.balance > once
        runware.faults.conflict_after_end = True
        assert (await caller.post(runware, task))[0] == 400


async def test_one_uuid_twice_in_one_call_runs_once(caller: Any, make_task: MakeTask) -> None:
    async with LocalRunware(work_seconds=QUICK) as runware:
        task = make_task()
        _, body = await caller.post(runware, task, task)
        assert (len(body["data"]), [error["code"] for error in body["errors"]]) == (1, ["conflictTaskUUID"])


# Pictures


async def test_a_url_dies_after_its_ttl(caller: Any, make_task: MakeTask) -> None:
    now = 0.0
    async with LocalRunware(work_seconds=QUICK, clock=lambda: now) as runware:
        _, body = await caller.post(runware, make_task(ttl=60))
        url = body["data"][0]["imageURL"]
        assert (await caller.get(url))[0] == 200
        now = 60.0
        assert (await caller.get(url))[0] == 404


async def test_only_the_newest_pictures_are_kept(caller: Any, make_task: MakeTask) -> None:
    async with LocalRunware(work_seconds=QUICK, keep_images=1) as runware:
        urls = [(await caller.post(runware, make_task()))[1]["data"][0]["imageURL"] for _ in range(2)]
        assert [(await caller.get(url))[0] for url in urls] == [404, 200]


async def test_a_download_can_fail_in_every_way(caller: Any, make_task: MakeTask) -> None:
    async with LocalRunware(work_seconds=QUICK, slow_seconds=0.05) as runware:
        _, body = await caller.post(runware, make_task())
        url = body["data"][0]["imageURL"]
        right = await caller.get(url)
        faults = runware.faults
        faults.image = "html502"
        assert (await caller.get(url))[:2] == (502, "text/html")
        faults.image = "wrong_type"
        assert (await caller.get(url))[:2] == (200, "text/html")
        faults.image = "gone"
        assert (await caller.get(url))[0] == 410
        faults.image = "redirect"
        assert (await caller.get(url))[0] == 302
        faults.image = "slow"
        assert await caller.get(url) == right
        faults.image = "huge"
        status, media_type, data = await caller.get(url)
        assert (status, media_type, len(data) > 2**26) == (200, "image/jpeg", True)
        async with caller.session.get(url) as answer:  # somebody who has seen enough
            await answer.content.read(100)
        faults.image, faults.image_times = "html502", 1
        assert [(await caller.get(url))[0] for _ in range(2)] == [502, 200]


async def test_a_foreign_host_is_another_name_of_the_same_server(caller: Any, make_task: MakeTask) -> None:
    async with LocalRunware(work_seconds=QUICK, foreign_host=True) as runware:
        _, body = await caller.post(runware, make_task())
        url = body["data"][0]["imageURL"]
        assert runware.host not in url
        assert (await caller.get(url))[0] == 200
        assert runware.fetched == [url]


async def test_a_finished_file_is_put_where_the_task_wants_it(caller: Any, make_task: MakeTask, listener: Any) -> None:
    async with LocalRunware(work_seconds=QUICK) as runware:
        _, body = await caller.post(runware, make_task(uploadEndpoint=f"{listener.url}/upload", outputFormat="WEBP"))
        [(media_type, data)] = listener.uploads
        assert media_type == "image/webp"
        assert data == (await caller.get(body["data"][0]["imageURL"]))[2]
        status, _ = await caller.post(runware, make_task(uploadEndpoint=f"{listener.url}/nowhere"))
        assert status == 200


# Searching


async def test_a_search_is_paged_and_filtered(caller: Any) -> None:
    def ask(**members: Any) -> dict[str, Any]:
        return {"taskType": "modelSearch", "taskUUID": str(uuid4()), **members}

    async with LocalRunware() as runware:
        _, first = await caller.post(runware, ask(search="", category="lora", limit=5))
        _, second = await caller.post(runware, ask(search="", category="lora", limit=5, offset=5))
        assert first["data"][0]["totalResults"] > 10
        names = [model["name"] for body in (first, second) for model in body["data"][0]["results"]]
        assert len(set(names)) == 10
        _, found = await caller.post(runware, ask(search="INK"))
        assert [model["name"] for model in found["data"][0]["results"]][:1] == ["Ink Wash"]
        _, other = await caller.post(runware, ask(search="pixel", architecture="qwen_image_edit_plus"))
        assert other["data"][0]["results"] == []
        _, other = await caller.post(runware, ask(search="local:sdxl@1", category="lora"))
        assert [(one["air"], one["architecture"]) for one in other["data"][0]["results"]] == [("local:sdxl@1", "sdxl")]
        _, model = await caller.post(runware, ask(search="runware:108@22", category="checkpoint"))
        assert model["data"][0]["results"][0]["architecture"] == "qwen_image_edit_plus"
        for wrong in ({"limit": 101}, {"offset": -1}):
            assert (await caller.post(runware, ask(**wrong)))[0] == 400


UNFIT = [
    ("local:sdxl@1", "unsupportedLoraModel", "'sdxl', and the model 'runware:108@22' takes LoRAs of"),
    ("local:none@1", "invalidLoraModel", "names no LoRA that is known: 'local:none@1'"),
]


@pytest.mark.parametrize(("air", "code", "words"), UNFIT)
async def test_a_lora_that_does_not_fit_ends_the_task_when_it_runs_or_when_it_is_submitted(
    caller: Any, make_task: MakeTask, air: str, code: str, words: str
) -> None:
    lora = [{"model": "local:1@1", "weight": 0.8}, {"model": air}]
    async with LocalRunware(work_seconds=QUICK) as runware:
        assert (await caller.post(runware, make_task(lora=lora[:1])))[0] == 200
        task = make_task(lora=lora, deliveryMethod="async")
        status, taken = await caller.post(runware, task)
        assert (status, taken["data"][0]["taskUUID"]) == (200, task["taskUUID"])
        await runware.idle()
        [failed] = (await caller.poll(runware, task))["errors"]
        runware.faults.lora_check = "submit"
        status, refused = await caller.post(runware, make_task(lora=lora))
        for error in (failed, refused["errors"][0]):
            assert (error["code"], error["parameter"]) == (code, "lora[1].model")
            assert words in error["message"]
        assert status == 400


# The end


async def test_leaving_in_the_middle_of_everything_leaves_nothing_behind(
    caller: Any, make_task: MakeTask, listener: Any
) -> None:
    before = asyncio.all_tasks()
    listener.answers = [500] * 50
    async with LocalRunware(work_seconds=(0, 0.1)) as runware:
        await caller.post(
            runware, *(make_task(deliveryMethod="async", webhookURL=f"{listener.url}/hook") for _ in "abc")
        )
        waiting = asyncio.create_task(caller.post(runware, make_task(numberResults=20)))
        await asyncio.sleep(0.1)
        runware.pause()
    status, body = await waiting
    assert status == 200
    assert len(body["data"]) < 20
    # The listener's own connections end a moment later.
    await asyncio.sleep(0.05)
    assert {task for task in asyncio.all_tasks() - before if "runware" in repr(task.get_coro())} == set()


async def test_a_taken_port_is_said_and_leaves_nothing_open(caller: Any) -> None:
    async with LocalRunware() as runware:
        port = int(runware.host.partition(":")[2])
        with pytest.raises(OSError, match="address already in use"):
            async with LocalRunware(port=port):
                pass
        assert (await caller.post(runware, {"taskType": "ping", "ping": True}))[0] == 200


async def test_a_fault_of_the_service_itself_ends_the_task(caller: Any, make_task: MakeTask) -> None:
    """Pillow cannot hold a side of 2**40 pixels: a size that only a broken check lets through."""
    async with LocalRunware(work_seconds=QUICK) as runware:
        task = make_task(deliveryMethod="async")
        runware.pause()
        await caller.post(runware, task)
        runware.tasks[task["taskUUID"]].request["width"] = 2**40
        runware.resume()
        await runware.idle()
        body = await caller.poll(runware, task)
        assert [(error["code"], error["status"]) for error in body["errors"]] == [("internalServerError", "error")]


async def test_tasks_are_taken_by_post_only(caller: Any) -> None:
    async with LocalRunware() as runware, caller.session.get(runware.url) as answer:
        assert answer.status == 405
