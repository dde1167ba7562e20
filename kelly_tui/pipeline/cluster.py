"""Stages on many machines: a Dask cluster whose workers see the same folders as we do.

The catalogue stays here: workers get items, write files into the dataset's folder and answer, as children do on one
machine, so the same inputs give the same bytes. An item is run in a child of its worker there too, so a file that
kills its reader costs that file; a worker that dies costs the time of what it had in hand, and so does one that says no
more: a host without power or network, a process that was stopped. The scheduler is told to forget it, and gives what it
had in hand to the others. Should it wake, Dask ends it and hears nothing of it; what its children write then are the
bytes that are there already.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import ipaddress
import logging
import os
import re
import secrets
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import kelly_tui
from kelly_tui.errors import FileRefused, LibraryMissing, StageError
from kelly_tui.paths import PROJECT
from kelly_tui.pipeline.certificates import certificates
from kelly_tui.pipeline.greeting import must_greet
from kelly_tui.pipeline.trouble import Trouble
from kelly_tui.pipeline.worker import A_LOOK, DOUBTED, Answer, Chunk, Workers, cut_all_short
from kelly_tui.store.inside import status_inside
from kelly_tui.store.layout import MUSIC_FOLDERS
from kelly_tui.store.partial import partials

PATIENCE = 15.0
"""Seconds in which a cluster has to answer and to have a worker, and each worker has to say what it sees."""

SILENCE = 30.0
"""Seconds without a beat, of which Dask's workers send one or two a second, after which one is taken to be gone; Dask
waits as long for a peer that the network has lost. Long enough for one whose machine is short of memory."""

A_MOMENT = 1.0
"""Seconds in which workers have to take it that what they have in hand is to be dropped."""

_SHORT = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOMEM))
"""Of a machine that can open no more files, which tells nothing of a folder."""

_ADDRESS = re.compile(r"(tcp|tls)://(\[[0-9a-fA-F:.]+\]|[^\s/@:\[\]]+):(\d{1,5})")

_LOGGERS = ("distributed", "distributed.client", "distributed.gc", "tornado", "tornado.application")
"""Those that Dask gives a level of its own when it is imported, in a worker's process too."""

_HINT = "`kelly run --help` and the README say how one is started."


class ClusterWorkers(Workers):
    """The workers of a cluster; more may come and some go meanwhile."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self._executor = client.get_executor(pure=False)
        self._beats: dict[str, tuple[float, float]] = {}
        """When each worker's last beat was, by the scheduler's clock, and for how many seconds there was none since."""
        self._looked = time.monotonic()

    @property
    def size(self) -> int:
        """Threads that take a chunk each, of all workers; 1 while there are none. Raises `StageError`."""
        threads: int = sum(worker["nthreads"] for worker in self._known().values())
        return max(1, threads)

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = self._executor.submit(signed, function, *args, **kwargs)
        return future

    def cut_short(self) -> None:
        with contextlib.suppress(StageError):  # where nobody listens, nothing is in hand that could be committed
            self._ask(A_MOMENT, cut_all_short)

    def must_see(self, root: Path, others: Sequence[Path] = ()) -> list[str]:
        silent, blind = self._views(root, others)
        if blind:
            worker, wrong = next(iter(blind.items()))
            raise StageError(f"the worker {worker} {wrong.what}", path=wrong.path or None, hint=wrong.hint)
        return [words for worker, why in silent.items() for words in self._leave_out([worker], why)]

    def without_blind(self, root: Path, others: Sequence[Path] = ()) -> list[str]:
        silent, blind = self._views(root, others)
        out = silent | {worker: f"is not as at the start ({wrong.line()})" for worker, wrong in blind.items()}
        return [words for worker, why in out.items() for words in self.without(worker, why)]

    def _views(self, root: Path, others: Sequence[Path]) -> tuple[dict[str, str], dict[str, Trouble]]:
        """Why nothing is known of what some workers see, and what is wrong with what others see."""
        word = secrets.token_hex(8)
        with partials(root) as new, signs(root) as made:
            sign = new()
            sign.write_text(word, "ascii")
            wanted = [*map(str, made), *(str(path.absolute()) for path in others)]
            seen = self._ask(PATIENCE, look, str(sign), word, wanted)
            silent = {worker: why for worker, answer in seen.items() if (why := _tells_nothing(answer))}
            if silent and len(silent) == len(seen):
                worker, why = next(iter(silent.items()))
                raise StageError(f"the worker {worker} {why}", hint="End it, or start it again.")
            places = {str(sign): root, **{str(one): one.parent for one in made}}
            told = {
                worker: _unlike_here(answer, sign, word, places)
                for worker, answer in seen.items()
                if worker not in silent
            }
        return silent, {worker: wrong for worker, wrong in told.items() if wrong is not None}

    def without_silent(self) -> list[str]:
        before, self._looked = self._looked, time.monotonic()
        passed = min(self._looked - before, 2 * A_LOOK)  # more is no silence of theirs: we were stopped, or busy
        beats = {}
        for worker, known in self._known().items():
            last, silence = self._beats.get(worker, (known["last_seen"], 0.0))
            beats[worker] = known["last_seen"], silence + passed if known["last_seen"] == last else 0.0
        self._beats = beats
        silent = [worker for worker, (_, silence) in beats.items() if silence > SILENCE]
        return self._leave_out(silent, f"has given no sign for {SILENCE:.0f} s") if len(silent) < len(beats) else []

    def without_stuck(self) -> list[str]:
        ours = self.client.futures.keys()
        in_hand = self._within(self.client.scheduler.processing, workers=None)
        stuck = [worker for worker, keys in in_hand.items() if not ours.isdisjoint(keys)]
        return self._leave_out(stuck, "does not end what it has in hand") if len(stuck) < len(in_hand) else []

    def _leave_out(self, workers: Sequence[str], why: str) -> list[str]:
        """Have the scheduler forget these, whose consent it does not need, and give what they had to the others."""
        for worker in workers:
            self._within(self.client.scheduler.unregister, address=worker, stimulus_id=f"kelly-{secrets.token_hex(4)}")
        return [f"the worker {one} {why}: the others do its work; start it again to have it back" for one in workers]

    def without(self, worker: str, why: str) -> list[str]:
        known = self._known()
        if worker in known and len(known) == 1:
            raise StageError(f"the worker {worker} {why}", hint="Mend it, or start others, then run the same again.")
        return self._leave_out([worker] if worker in known else [], why)

    def must_be_private(self) -> None:
        """Raise `StageError` where the scheduler or a worker listens off loopback without TLS."""
        self._known()

    def _known(self) -> dict[str, dict[str, Any]]:
        """What the scheduler knows of each worker. Raises `StageError` also as `must_be_private`."""
        known = self._within(self.client.scheduler.identity, n_workers=-1)
        workers: dict[str, dict[str, Any]] = known["workers"]
        for who, address in [("the scheduler", known["address"]), *(("the worker", worker) for worker in workers)]:
            if not _is_private(address):
                raise StageError(
                    f"{who} listens at {address}, where other machines read and command",
                    hint="Start it with --host 127.0.0.1, or all of them with TLS.",
                )
        return workers

    def _ask(self, seconds: float, function: Callable[..., Any], *args: Any) -> dict[str, Any]:
        """What `function` returns or raises on each worker; None for one that does not answer in time."""

        async def ask() -> dict[str, Any]:
            workers = (await self.client.scheduler.identity(n_workers=-1))["workers"]
            asked = {
                worker: asyncio.ensure_future(self.client.run(function, *args, workers=[worker], on_error="return"))
                for worker in workers
            }
            if asked:
                await asyncio.wait(asked.values(), timeout=seconds)
            answers = {worker: one.result()[worker] if one.done() else None for worker, one in asked.items()}
            for one in asked.values():
                one.cancel()
            return answers

        found: dict[str, Any] = self._within(ask)
        return found

    def _within(self, question: Callable[..., Any], **kwargs: Any) -> Any:
        """What a coroutine returns. Raises `StageError` where the scheduler does not answer."""
        try:
            return self.client.sync(question, callback_timeout=2 * PATIENCE, **kwargs)
        except OSError:
            raise StageError(
                "the scheduler of the cluster does not answer", hint="Start it again, then run the same again to go on."
            ) from None


class OwnWorkers(ClusterWorkers):
    """Those of our own, on this machine: they see what we see, so no answer of theirs tells of a worker."""

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = self._executor.submit(function, *args, **kwargs)
        return future

    def without_blind(self, root: Path, others: Sequence[Path] = ()) -> list[str]:
        return []


def signed(function: Callable[[Chunk], list[Answer]], chunk: Chunk) -> list[Answer]:
    """On a worker: the answers to `chunk`; those that may be the worker's own fault say whose."""
    from distributed import get_worker

    address = get_worker().address
    work = [(name, {**data, "elsewhere": True}, seconds) for name, data, seconds in chunk.work]
    answers = []
    for (kind, value, seconds), (_, data, _) in zip(function(chunk._replace(work=work)), work, strict=False):
        path = str(data.get("path", "")) if kind == "refused" else ""
        told = Trouble(value, path) if kind in DOUBTED else value
        answers.append((kind, told._replace(worker=address) if isinstance(told, Trouble) else told, seconds))
    return answers


@cache
def this_kelly() -> str:
    """Its version and a digest of its sources: of two checkouts of one version, one may write other bytes."""
    return f"{kelly_tui.__version__} ({digest_of(PROJECT / kelly_tui.__name__)})"


def digest_of(package: Path) -> str:
    """Of the names and the bytes of all modules; the same for a checkout, a wheel and a copy."""
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(path.relative_to(package).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:10]


def look(sign: str, word: str, others: list[str]) -> tuple[str, str, str]:
    """On a worker: which Kelly it has, what is wrong, and with which path.

    Wrong is where `sign` does not say `word`, one of `others` is not there, or nothing can be written beside `sign`.
    Else the path is that of a file which was left there, and says `word`. Raises `OSError` where it can open no file.
    """
    missing = sign if not _says(sign, word) else next((path for path in others if not os.path.exists(path)), None)
    if missing is not None:
        return this_kelly(), "does not see it", missing
    left = Path(sign).with_name(f".kelly-{secrets.token_hex(6)}")  # as `partials` has it: swept if nobody takes it away
    try:
        left.write_text(word, "ascii")
    except OSError as error:
        if error.errno in _SHORT:
            raise
        return this_kelly(), f"can't write there ({error.strerror})", sign
    return this_kelly(), "", str(left)


def _tells_nothing(answer: Any) -> str:
    """Why nothing is known of a worker on which `look` returned, or raised, this; empty where it is."""
    if isinstance(answer, OSError) and answer.errno in _SHORT:
        return f"can't open a file ({answer.strerror})"
    return "does not answer" if answer is None or isinstance(answer, OSError) else ""


def _unlike_here(answer: Any, sign: Path, word: str, places: Mapping[str, Path]) -> Trouble | None:
    """What is wrong where `look` returned, or raised, something else than it would here; `places`: of each sign."""
    if isinstance(answer, Exception):
        hint = f"Install Kelly {kelly_tui.__version__} there, for the Python that runs the worker."
        return Trouble(f"can't run this Kelly ({reason(answer)})", "", hint)
    theirs, wrong, path = answer
    if theirs != this_kelly():
        hint = "Install the same everywhere: other versions may write other bytes."
        return Trouble(f"has Kelly {theirs}, this is {this_kelly()}", "", hint)
    if not wrong:
        left = sign.with_name(os.path.basename(path))
        wrong, path = "" if _says(left, word) else "writes there what is not seen, or can't be read, here", str(sign)
        with contextlib.suppress(OSError):
            left.unlink()
    if not wrong:
        return None
    hint = f"Mount that folder at the same place on every machine{', to be written too' * (path in places)}."
    return Trouble(wrong, str(places.get(path, path)), hint)


def _says(path: Path | str, word: str) -> bool:
    try:
        return Path(path).read_text("ascii") == word
    except (OSError, UnicodeDecodeError) as error:
        if getattr(error, "errno", None) in _SHORT:
            raise
        return False


@contextmanager
def signs(root: Path) -> Iterator[list[Path]]:
    """A new file in each folder of the dataset at `root` that may be a mount of its own; all are gone at the end."""
    made: list[Path] = []
    try:
        for folder in ("raw", "processed", *MUSIC_FOLDERS):
            with contextlib.suppress(OSError, FileRefused):  # where we can't write, or it leads out, nobody has to
                if status_inside(root, folder) is not None:
                    sign = root / folder / f".kelly-{secrets.token_hex(6)}"
                    sign.touch(exist_ok=False)
                    made.append(sign)
        yield made
    finally:
        for sign in made:
            sign.unlink(missing_ok=True)


@contextmanager
def cluster(address: str) -> Iterator[ClusterWorkers]:
    """The workers at ``tcp://host:port`` or ``tls://host:port``, or ``local:N`` of our own, one thread each.

    Off this machine only TLS will do, with the certificates of Dask's own configuration. Raises `StageError` where the
    address is none or nobody answers, `LibraryMissing` without the extra ``cluster``.
    """
    scheme, _, rest = address.partition(":")
    remote = _ADDRESS.fullmatch(address)
    is_local = scheme == "local" and rest.isdecimal() and int(rest) > 0
    if not is_local and (remote is None or not 0 < int(remote[3]) < 2**16):
        raise StageError(f"{address!r} is no cluster", hint="One is tcp://HOST:PORT, tls://HOST:PORT or local:N.")
    if remote is not None and not _is_private(address):
        raise StageError(
            f"{address} is another machine, and tcp:// lets everyone between read and command",
            hint="Use tls:// with certificates in Dask's configuration (distributed.comm.tls).",
        )
    distributed = _dask()
    certified = certificates(distributed) if remote else None  # Dask reads them for tcp:// too
    if scheme == "tls" and certified is None:
        raise StageError(
            f"{address} wants certificates and Dask's configuration names none",
            hint="Set distributed.comm.tls: ca-file, and client.key and client.cert.",
        )
    _hush("distributed")  # for good: it may speak as late as when this process ends
    with contextlib.ExitStack() as stack:
        stack.callback(_hush("tornado"))  # Dask's event loop, and that of others: a notebook's
        where: Any = address
        if remote is None:
            where = stack.enter_context(_local(distributed, int(rest)))
        else:
            must_greet(address, remote[2].strip("[]"), int(remote[3]), certified if scheme == "tls" else None, PATIENCE)
        client = stack.enter_context(_client(distributed, where))
        workers = OwnWorkers(client) if is_local else ClusterWorkers(client)
        workers.must_be_private()
        yield workers


@contextmanager
def _local(distributed: Any, number: int) -> Iterator[Any]:
    """So many workers of our own, which obey nobody else: who reaches a Dask cluster runs code there.

    Any user of this machine reaches its loopback. So all speak TLS with a key that was made for them and is in their
    memory only, no page is served, and what they keep on the disk, of which Dask also imports, is in a folder that is
    ours alone.
    """
    import dask

    try:
        import cryptography  # noqa: F401  # by which Dask makes them
    except ImportError:
        raise LibraryMissing(
            "the certificates of local workers are made by cryptography, which is not installed",
            hint="Install kelly_tui[cluster].",
        ) from None
    with tempfile.TemporaryDirectory(prefix="kelly-cluster-") as folder:
        pages: dict[str, list[str]] = {"distributed.scheduler.http.routes": [], "distributed.worker.http.routes": []}
        hushed = {"distributed.nanny.pre-spawn-environ.DASK_LOGGING": str(dict.fromkeys(_LOGGERS, "critical"))}
        with (
            dask.config.set({"temporary-directory": folder, **pages, **hushed}),
            distributed.LocalCluster(
                n_workers=number,
                threads_per_worker=1,
                host="127.0.0.1",
                protocol="tls://",
                security=distributed.Security.temporary(),
                dashboard_address="127.0.0.1:0",
                scheduler_kwargs={"dashboard": False},
                memory_limit=0,  # the children have limits of their own
                silence_logs=logging.CRITICAL,
            ) as running,
        ):
            yield running


def _dask() -> Any:
    """The package that is Dask's scheduler and workers. Raises `LibraryMissing`, and `StageError` for its settings."""
    try:
        import distributed
    except ImportError:
        raise LibraryMissing("Dask is not installed", hint="Install kelly_tui[cluster].") from None
    except ValueError as error:  # it reads its configuration when it is imported
        raise StageError(f"Dask can't be started: {reason(error).rpartition(', original')[0] or error}") from None
    return distributed


@contextmanager
def _client(distributed: Any, where: Any) -> Iterator[Any]:
    try:
        client = distributed.Client(where, timeout=PATIENCE, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise StageError(f"no cluster answers at {where} ({reason(error)})", hint=_HINT) from None
    with client:
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError:
            raise StageError(
                f"the cluster at {where} has no workers", hint="Start some: dask worker ADDRESS."
            ) from None
        yield client


def _hush(package: str) -> Callable[[], None]:
    """Have its many loggers, of which some have levels of their own, say nothing: what goes wrong is said by us.

    What is returned has them speak as before.
    """
    names = [package, *(name for name in logging.root.manager.loggerDict if name.startswith(f"{package}."))]
    before = {logging.getLogger(name): logging.getLogger(name).level for name in names}
    for logger in before:
        logger.setLevel(logging.CRITICAL)

    def undo() -> None:
        for logger, level in before.items():
            logger.setLevel(level)

    return undo


def reason(error: Exception) -> str:
    """The first line of what it says, without the object that Dask says it of."""
    return re.sub(r"^in <.*?>: ", "", str(error).partition("\n")[0]) or type(error).__name__


def _is_private(address: str) -> bool:
    """Whether what goes there is read by no other machine: it is encrypted, or stays on loopback.

    True where there is no such host, which nothing goes to.
    """
    parts = _ADDRESS.fullmatch(address)
    if parts is None or parts[1] == "tls":
        return parts is not None
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(parts[2].strip("[]"), None)}
    except (OSError, UnicodeError):
        return True
    return all(ipaddress.ip_address(one).is_loopback for one in found)
