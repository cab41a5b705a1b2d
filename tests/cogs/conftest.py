"""Records to show: a job, its results, and the message about its end, each changed where a test needs it."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from cogs._cards import Post, file_name
from storage.records import Announcement, AnnouncementKind, EditRequest, Job, Place, Reference, Result, Status

ANA = 71
NOON = 1_767_268_800_000


def a_request(**changes: Any) -> EditRequest:
    reference = Reference(sha256="ab" * 32, width=1024, height=768, label="cat.png")
    return replace(EditRequest("Make it snow", (reference,), width=1024, height=768, seed=29892), **changes)


def a_job(**changes: Any) -> Job:
    job = Job(
        id=5,
        task_uuid="d3b0c442-98fc-4c14-9afb-f4c8996fb924",
        account_id=1,
        user_id=ANA,
        guild_id=1,
        place=Place(channel_id=10, reply_id=20, thread_id=20),
        status_message_id=21,
        request=a_request(),
        status=Status.SUCCEEDED,
        version=3,
        hold=62_000,
        cost=44_200,
        estimated=False,
        created_at=NOON,
        first_post_at=NOON + 1000,
        submitted_at=NOON + 1500,
        ended_at=NOON + 15_000,
        settled_at=NOON + 15_000,
        error_code=None,
        announced_at=None,
        undeliverable_at=None,
        notice_tries=0,
    )
    return replace(job, **changes)


def a_result(number: int = 12, **changes: Any) -> Result:
    result = Result(
        id=number,
        job_id=5,
        image_uuid=f"image-{number}",
        position=number - 12,
        seed=29_892 + number - 12,
        cost=44_200,
        nsfw=False,
        url="https://im.runware.ai/image/12.jpg",
        sha256="cd" * 32,
        media_type="image/jpeg",
        width=1024,
        height=768,
        recorded_at=NOON + 15_000,
        lost=None,
        deleted_at=None,
        channel_id=20,
        message_id=22,
    )
    return replace(result, **changes)


def a_post(*results: Result, kind: AnnouncementKind = AnnouncementKind.RESULTS, **changes: Any) -> Post:
    announcement = Announcement(
        job_id=5,
        index=0,
        kind=kind,
        result_ids=tuple(result.id for result in results),
        tries=1,
        posted_at=None,
        channel_id=None,
        message_id=None,
        kept=False,
    )
    files = {result.id: file_name(result, "image/jpeg") for result in results if result.usable}
    return replace(Post(a_job(), announcement, results, made=len(results), files=files), **changes)


@pytest.fixture(scope="session")
def make() -> SimpleNamespace:
    """Builders of records, each of which takes the fields to change."""
    return SimpleNamespace(request=a_request, job=a_job, result=a_result, post=a_post)
