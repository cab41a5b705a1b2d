"""What these tests share: a picture, a task, a caller of the API and a listener for its deliveries."""

from __future__ import annotations

import base64
import io
import json
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from PIL import Image

from playground.runware import LocalRunware


@pytest.fixture(scope="session")
def picture() -> bytes:
    """A small PNG that is not all of one colour."""
    buffer = io.BytesIO()
    Image.linear_gradient("L").resize((96, 64)).convert("RGB").save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="session")
def data_uri(picture: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(picture).decode()


@pytest.fixture
def make_task(data_uri: str) -> Callable[..., dict[str, Any]]:
    """Make a right task; members given as ``None`` are left out."""

    def make(**members: Any) -> dict[str, Any]:
        task = {
            "taskType": "imageInference",
            "taskUUID": str(uuid.uuid4()),
            "model": "runware:108@22",
            "positivePrompt": "a cup on the launch pad",
            "width": 128,
            "height": 144,
            "includeCost": True,
            "inputs": {"referenceImages": [data_uri]},
        }
        return {name: value for name, value in (task | members).items() if value is not None}

    return make


@dataclass
class Caller:
    session: aiohttp.ClientSession
    key: str | None = "any key"

    async def post(self, runware: LocalRunware, *tasks: Any, **headers: str) -> tuple[int, Any]:
        """POST an array of tasks; return the status and the body, its fractions as Decimal."""
        if self.key is not None:
            headers.setdefault("Authorization", f"Bearer {self.key}")
        body = json.dumps(list(tasks))
        async with self.session.post(runware.url, data=body, headers=headers) as answer:
            text = await answer.text()
            is_json = answer.content_type == "application/json"
            return answer.status, json.loads(text, parse_float=Decimal) if is_json else text

    async def poll(self, runware: LocalRunware, task: dict[str, Any]) -> dict[str, Any]:
        _, body = await self.post(runware, {"taskType": "getResponse", "taskUUID": task["taskUUID"]})
        return body

    async def get(self, url: str) -> tuple[int, str, bytes]:
        async with self.session.get(url, allow_redirects=False) as answer:
            return answer.status, answer.content_type, await answer.read()


@pytest.fixture
async def caller() -> AsyncIterator[Caller]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:
        yield Caller(session)


@dataclass
class Listener:
    """Takes deliveries and uploads. ``answers`` are the next statuses; then all is well."""

    url: str = ""
    answers: list[int] = field(default_factory=list[int])
    bodies: list[Any] = field(default_factory=list[Any])
    peers: list[Any] = field(default_factory=list[Any])
    uploads: list[tuple[str, bytes]] = field(default_factory=list[tuple[str, bytes]])

    async def hook(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.json())
        self.peers.append(request.transport and request.transport.get_extra_info("peername"))
        return web.Response(status=self.answers.pop(0) if self.answers else 204)

    async def upload(self, request: web.Request) -> web.Response:
        self.uploads.append((request.content_type, await request.read()))
        return web.Response()


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    listener = Listener()
    app = web.Application(client_max_size=2**26)
    app.router.add_post("/hook", listener.hook)
    app.router.add_put("/upload", listener.upload)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    listener.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield listener
    await runner.cleanup()
