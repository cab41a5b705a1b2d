"""The store that the settings name."""

from __future__ import annotations

from bot.errors import StartError
from bot.pictures._store import Store
from bot.settings import Settings


def open_store(settings: Settings) -> Store | None:
    """Return the bucket that the settings name; ``None`` stands for the folder in ``DATA_DIR``.

    Raises:
        StartError: the package that speaks to buckets is not installed.
    """
    if settings.picture_store is None:
        return None
    try:
        from bot.pictures._bucket import Bucket  # noqa: PLC0415 - obstore is an optional extra
    except ModuleNotFoundError as missing:
        raise StartError(
            f"A bucket as PICTURE_STORE needs the package {missing.name}: install this project with its extra `s3`, "
            "that is `pip install '.[s3]'`, or leave PICTURE_STORE empty."
        ) from missing
    name, _, prefix = settings.picture_store.removeprefix("s3://").partition("/")
    secret = settings.s3_secret_access_key
    return Bucket(
        name,
        prefix=prefix,
        endpoint=settings.s3_endpoint,
        region=settings.s3_region,
        key_id=settings.s3_access_key_id,
        secret=None if secret is None else secret.get_secret_value(),
    )
