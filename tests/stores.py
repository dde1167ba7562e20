"""Stores of objects for the tests: a folder that is reached as one, and an S3 of our own where moto is installed."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

SECRET = "not-to-be-seen"


class Bucket(Protocol):
    """A store as another client sees it."""

    url: str
    environment: Mapping[str, str]
    """What reaches it."""

    def put(self, name: str, data: bytes) -> None: ...

    def names(self, prefix: str = "") -> list[str]:
        """Of every object below a prefix."""

    def get(self, name: str) -> bytes: ...

    def clear(self) -> None: ...


def tree(bucket: Bucket, folder: str) -> dict[str, bytes]:
    """Every object of a folder, by the rest of its name."""
    return {name.removeprefix(f"{folder}/"): bucket.get(name) for name in bucket.names(f"{folder}/")}


class Folder:
    """A folder, of which fsspec knows as ``local://`` and Kelly as of any store."""

    environment: Mapping[str, str] = {}

    def __init__(self, root: Path) -> None:
        self._root = root
        self.url = f"local://{root}"

    def put(self, name: str, data: bytes) -> None:
        path = self._root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def names(self, prefix: str = "") -> list[str]:
        found = (path.relative_to(self._root).as_posix() for path in self._root.rglob("*") if path.is_file())
        return sorted(name for name in found if name.startswith(prefix))

    def get(self, name: str) -> bytes:
        return (self._root / name).read_bytes()

    def clear(self) -> None:
        for name in self.names():
            (self._root / name).unlink()
        for path in sorted(self._root.rglob("*"), reverse=True):
            path.rmdir()


class S3:
    """The bucket ``music`` of a server on this machine."""

    url = "s3://music"

    def __init__(self, address: str) -> None:
        import boto3

        self.environment = {
            "AWS_ACCESS_KEY_ID": "who",
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": address,
        }
        self._client: Any = boto3.client(
            "s3", endpoint_url=address, aws_access_key_id="who", aws_secret_access_key=SECRET, region_name="us-east-1"
        )
        self._client.create_bucket(Bucket="music")

    def put(self, name: str, data: bytes) -> None:
        self._client.put_object(Bucket="music", Key=name, Body=data)

    def names(self, prefix: str = "") -> list[str]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket="music", Prefix=prefix)
        return [one["Key"] for page in pages for one in page.get("Contents", ())]

    def get(self, name: str) -> bytes:
        return bytes(self._client.get_object(Bucket="music", Key=name)["Body"].read())

    def clear(self) -> None:
        if names := self.names():
            self._client.delete_objects(Bucket="music", Delete={"Objects": [{"Key": name} for name in names]})


@contextmanager
def serving() -> Iterator[S3]:
    """The bucket, while its server runs."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield S3(f"http://{host}:{port}")
    finally:
        server.stop()
