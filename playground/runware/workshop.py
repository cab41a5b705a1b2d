"""The work on accepted tasks: references fetched, pictures painted in threads, each item told as soon as it is ready."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from decimal import Decimal

import aiohttp
from PIL import Image

from playground.runware.catalogue import unfit
from playground.runware.deliveries import Courier
from playground.runware.faults import Faults
from playground.runware.gallery import Gallery, decode, read_reference
from playground.runware.gate import Gate
from playground.runware.paint import MEDIA_TYPES, Brief, encode, paint
from playground.runware.problems import Problem, Refused
from playground.runware.tasks import DEFAULT_STEPS, UNSAFE_WORD, Item, Task
from playground.runware.telling import Teller

log = logging.getLogger(__name__)


class Workshop:
    """Runs tasks side by side, their items too. ``bill`` is told each finished item's price."""

    def __init__(
        self,
        *,
        faults: Faults,
        gallery: Gallery,
        teller: Teller,
        courier: Courier,
        session: aiohttp.ClientSession,
        threads: Executor,
        gate: Gate,
        rng: random.Random,
        work_seconds: tuple[float, float],
        bill: Callable[[Decimal], None],
    ) -> None:
        self._faults = faults
        self._gallery = gallery
        self._teller = teller
        self._courier = courier
        self._session = session
        self._threads = threads
        self._gate = gate
        self._rng = rng
        self._work_seconds = work_seconds
        self._bill = bill
        self._running: set[asyncio.Task[None]] = set()

    def begin(self, task: Task) -> None:
        """Start the work on a task."""
        running = asyncio.create_task(self._run(task))
        self._running.add(running)
        running.add_done_callback(self._running.discard)

    async def idle(self) -> None:
        """Return when no task is worked on and no delivery is under way."""
        while self._running:
            await asyncio.wait(self._running)

    async def close(self) -> None:
        """Drop all work."""
        for running in self._running:
            running.cancel()
        await self.idle()

    async def _run(self, task: Task) -> None:
        try:
            async with asyncio.TaskGroup() as deliveries:
                await self._work(task, deliveries)
        except Exception:
            log.exception("Task %s met a fault of the service itself.", task.uuid)
            self._doom(task.items, Problem("internalServerError", "The service has a fault.").about(task.request))
            for item in task.items:
                item.end()
        finally:
            task.ended.set()
            task.settled.set()

    async def _work(self, task: Task, deliveries: asyncio.TaskGroup) -> None:
        """Bring every item to its end; the deliveries that this causes go on in the group."""
        await self._gate.passed()
        references = await self._prepare(task)
        async with asyncio.TaskGroup() as items:
            for item in task.items:
                items.create_task(self._finish(task, item, references, deliveries))
        task.ended.set()
        if self._faults.delivery == "reordered":
            for item in reversed(task.items):
                await self._deliver(task, item)

    async def _prepare(self, task: Task) -> list[Image.Image]:
        """Read the references and decide which items will fail; these take their time like the others."""
        code, failing = self._faults.fail, self._faults.fail_items
        if failing is None:
            failing = len(task.items) if code else 0
        code = code or "inferenceError"
        self._doom(task.items[len(task.items) - failing :], Problem(code, f"Failed: {code}.").about(task.request))
        for problem in unfit(task.request):
            self._doom(task.items, problem)
        try:
            return await self._references(task)
        except Refused as refusal:
            self._doom(task.items, refusal.problems[0].about(task.request))
            return []

    async def _references(self, task: Task) -> list[Image.Image]:
        loop = asyncio.get_running_loop()
        found: list[Image.Image] = []
        for reference in task.request["inputs"]["referenceImages"]:
            data = await read_reference(reference, self._gallery, self._session)
            found.append(await loop.run_in_executor(self._threads, decode, data, task.size))
        return found

    def _doom(self, items: Sequence[Item], problem: Problem) -> None:
        """Let the items that are still open fail; the first speaks for all where the plan says so."""
        for number, item in enumerate(item for item in items if item.status == "processing"):
            item.problem = problem
            item.silent = number > 0 and self._faults.fail_as == "task"

    async def _finish(
        self, task: Task, item: Item, references: list[Image.Image], deliveries: asyncio.TaskGroup
    ) -> None:
        await asyncio.sleep(self._rng.uniform(*self._work_seconds))
        await self._gate.passed()
        if item.problem is None:
            await self._paint(task, item, references)
        item.end()
        if self._faults.delivery != "reordered":
            deliveries.create_task(self._deliver(task, item))

    async def _paint(self, task: Task, item: Item, references: list[Image.Image]) -> None:
        request = task.request
        prompt: str = request["positivePrompt"]
        output: str = request.get("outputFormat", "JPG")
        steps, cfg = request.get("steps", DEFAULT_STEPS), request.get("CFGScale")
        guided = [] if cfg is None else [f"CFG {cfg:g}"]
        note = ", ".join([f"{steps} steps", *guided, *([request["scheduler"]] if "scheduler" in request else [])])
        brief = Brief(prompt, item.seed, *task.size, steps=steps, cfg=cfg, note=note)
        data = await asyncio.get_running_loop().run_in_executor(
            self._threads, make, references, brief, output, request.get("outputQuality", 95)
        )
        await self._gate.passed()
        if task.checked:
            item.flagged = self._faults.nsfw or UNSAFE_WORD in prompt.lower()
        self._gallery.add(item.image_uuid, data, MEDIA_TYPES[output], request.get("ttl"))
        self._bill(item.cost)
        if "uploadEndpoint" in request:
            await self._courier.upload(request["uploadEndpoint"], data, MEDIA_TYPES[output])

    async def _deliver(self, task: Task, item: Item) -> None:
        """Make the item's webhook calls, as often and as late as the plan says."""
        if task.webhook is None or item.silent or self._faults.delivery == "lost":
            return
        if self._faults.delivery == "late":
            await asyncio.sleep(self._faults.late_seconds)
        for _ in range(2 if self._faults.delivery == "twice" else 1):
            await self._courier.deliver(task.webhook, self._teller.delivery(task, item))


def make(references: Sequence[Image.Image], brief: Brief, output: str, quality: int) -> bytes:
    """Paint and encode one picture. Blocking."""
    return encode(paint(references, brief), output, quality)
