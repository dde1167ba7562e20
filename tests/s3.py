"""An object store of our own: moto's S3 on a port of this machine, with one bucket."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "who", "AWS_SECRET_ACCESS_KEY": "not-to-be-seen", "AWS_DEFAULT_REGION": "us-east-1"}


class Bucket:
    """``s3://music`` as another client sees it."""

    def __init__(self, address: str) -> None:
        import boto3

        self.environment = {**ENVIRONMENT, "AWS_ENDPOINT_URL": address}
        self.client: Any = boto3.client(
            "s3",
            endpoint_url=address,
            aws_access_key_id="who",
            aws_secret_access_key="not-to-be-seen",
            region_name="us-east-1",
        )
        self.client.create_bucket(Bucket="music")

    def put(self, name: str, data: bytes) -> None:
        self.client.put_object(Bucket="music", Key=name, Body=data)

    def names(self, prefix: str = "") -> list[str]:
        """Of every object below a prefix."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket="music", Prefix=prefix)
        return [one["Key"] for page in pages for one in page.get("Contents", ())]

    def tree(self, prefix: str) -> dict[str, bytes]:
        """Every object of a folder, by the rest of its name."""
        read = self.client.get_object
        found = self.names(f"{prefix}/")
        return {name.removeprefix(f"{prefix}/"): read(Bucket="music", Key=name)["Body"].read() for name in found}

    def clear(self) -> None:
        if names := self.names():
            self.client.delete_objects(Bucket="music", Delete={"Objects": [{"Key": name} for name in names]})


@contextmanager
def serving() -> Iterator[Bucket]:
    """The bucket, while its server runs."""
    import logging

    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield Bucket(f"http://{host}:{port}")
    finally:
        server.stop()
