"""The story without a browser, and the audit at its end."""

from __future__ import annotations

import asyncio
import io
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from playground import books
from playground.books import Finding
from playground.story import verdict
from playground.world import open_world

ROOT = Path(__file__).parents[2]


async def playground(*arguments: str) -> tuple[int | None, str, str]:
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "playground", *arguments,
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, errors = await program.communicate()
    return program.returncode, said.decode(), errors.decode()


async def test_the_story_ends_well_and_its_books_agree(tmp_path: Path) -> None:
    status, said, errors = await playground("--once", str(tmp_path))
    assert (status, errors) == (0, "")
    assert "agree" in said
    text = (tmp_path / "transcript.md").read_text("utf-8")
    for sign in (
        "image:chelsea.png image2:coffee.png",
        "presses **Edit**",
        "presses **Reroll**",
        "your own limits allow $0.15 a day",
        "nothing was charged",
        "## Seeds, costs and ledger agree",
        "@Bo · from #1 by @Ana",
    ):
        assert sign in text
    facts = json.loads((tmp_path / "transcript.json").read_text("utf-8"))
    assert facts["agree"] is True
    assert [job["status"] for job in facts["jobs"]] == ["succeeded", "succeeded", "succeeded", "failed"]
    first, second, third = (job["results"][0]["seed"] for job in facts["jobs"][:3])
    assert len({first, second, third}) == 3
    assert [line["kind"] for line in facts["jobs"][3]["ledger"]] == ["hold", "release"]
    assert all(f"`{seed}`" in text for seed in (first, second, third))


async def test_the_pictures_of_the_story_are_files_that_the_transcript_shows(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "03-1-seed-5.jpg").touch()
    (tmp_path / "transcript.md").write_text("![of the last time](pictures/03-1-seed-5.jpg)", "utf-8")
    assert (await playground("--once", str(tmp_path)))[0] == 0
    text = (tmp_path / "transcript.md").read_text("utf-8")
    pictures = sorted((tmp_path / "pictures").iterdir())
    assert sum("-seed-" in picture.name for picture in pictures) == 3
    for picture in pictures:
        Image.open(io.BytesIO(picture.read_bytes())).load()
        assert text.count(f"](pictures/{picture.name})") == 1
    assert "[picture: “" not in text  # each is shown where it is, and not named besides


async def test_a_story_keeps_the_lines_of_what_was_said_apart(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "mine.png").touch()
    assert (await playground("--once", str(tmp_path)))[0] == 0
    text = (tmp_path / "transcript.md").read_text("utf-8")
    assert "> > Now at night, with an astronaut looking in\n>\n> ![" in text
    assert "](pictures/04-reference-2.jpg)  \n> " in text
    assert (tmp_path / "pictures" / "mine.png").exists()


async def test_a_story_is_not_written_into_a_file(tmp_path: Path) -> None:
    (tmp_path / "README.md").touch()
    status, _, errors = await playground("--once", str(tmp_path / "README.md"))
    assert (status, errors) == (2, f"{tmp_path / 'README.md'} is a file; name a folder.\n")


@pytest.mark.parametrize(
    "falsify",
    [
        lambda one: replace(one, job=replace(one.job, cost=(one.job.cost or 0) + 1)),
        lambda one: replace(one, lines=one.lines[:-1]),
        lambda one: replace(one, lines=[*one.lines, one.lines[0]]),
        lambda one: replace(one, results=[replace(result, seed=5) for result in one.results]),
        lambda one: replace(one, results=[]),
        lambda one: replace(one, items=[]),
    ],
    ids=["cost", "never settled", "held twice", "seed", "no result", "Runware knows nothing"],
)
async def test_books_that_disagree_are_noticed(falsify: Any) -> None:
    async with open_world() as world:
        await world.ana.slash(world.channel, "edit", prompt="a", image=("a.png", world.photos["coffee.png"]))
        await world.idle()
        (one,) = await books.accounts(world)
        said = "\n".join(str(message.components) for message in world.channel.threads[-1].history())
        assert all(finding.holds for finding in books.examine(one, said))
        assert not all(finding.holds for finding in books.examine(falsify(one), said))
        assert all(finding.holds for finding in await books.examine_sums(world, [one]))
        assert not all(finding.holds for finding in await books.examine_sums(world, [one, one]))
        assert not all(finding.holds for finding in books.examine(one, "nothing was said"))


def test_books_that_disagree_are_said_and_end_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert verdict(Path("t.md"), [Finding("one is one", holds=True), Finding("one is two", holds=False)]) == 1
    errors = capsys.readouterr().err
    assert "one is two" in errors
    assert "one is one" not in errors


@pytest.mark.parametrize("more", [["--live"], ["--data", "somewhere"]])
async def test_a_story_takes_no_account_and_no_data(tmp_path: Path, more: list[str]) -> None:
    status, _, errors = await playground("--once", str(tmp_path / "story"), *more)
    assert status == 2
    assert errors.startswith("--once plays its story in a world of its own")
    assert not (tmp_path / "story").exists()
