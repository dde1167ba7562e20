"""Whether a sound file is whole: what its outer form announces, beside what is there.

libsndfile reads what is left of a cut file as if it were a shorter one. References: *Multimedia Programming Interface
and Data Specifications 1.0* (RIFF WAVE), EBU Tech 3306 (RF64), Apple's *Audio Interchange File Format* (AIFF),
RFC 3533 (Ogg), RFC 9639 (FLAC); the frame count of an MP3 is that of its Xing header.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple, NoReturn

from kelly_tui.errors import FileRefused, LibraryMissing

MOST_CHANNELS = 32
"""22.2 surround has 24, ambisonics of the fourth order 25. A header may claim 1,024."""
_SLOPPY_BYTES = 64
"""Writers that count their own header in are off by that."""
_UNKNOWN = 0x7FFFF000
"""From here on a size is what those put in who write to a pipe and can't know it."""
_LONGEST_PAGE = 65_307
_END_OF_STREAM = 4
_MP3_SLACK = 2 * 1152
"""Frames: what decoders take off at either end for the encoder's padding."""
_BLOCK = 1024
_CUT_LIST = 1 << 20
"""Bytes that may be missing of a list of tags at the end of a file, which is of sound and can be heard without them."""
_RIFF = (b"RIFF", b"RIFX", b"RF64")
_LISTS = (b"LIST", b"INFO")
_DS64 = 28
"""Bytes of the sizes in 64 bits without a table, which libsndfile skips by another rule than it is written."""
_SEARCHED = 1 << 20
"""Bytes from where a file is damaged, and at its end: by chance sound looks like a list there in one of a thousand."""
_SYSTEM = 2
"""What libsndfile says where the system did not give it the file; not why."""

Order = Literal["big", "little"]


class Form(NamedTuple):
    """What a sound file says of itself."""

    frames: int
    rate: int
    """Hz."""


def whole_sound(path: Path | str, name: Path | str) -> Form:
    """Look at the sound file at `path`. Raises `FileRefused`, which calls it `name`, if it is none, cut short, or
    has more channels than music.
    """
    with refusals(name):
        _check_lists(path, name)
        with opened(path) as sound:
            form = Form(sound.frames, sound.samplerate)
            kind, channels = sound.format, sound.channels
        if channels > MOST_CHANNELS:
            raise FileRefused(
                f"{channels:,} channels: no music has more than {MOST_CHANNELS}", path=name, hint="Mix it to fewer."
            )
        if kind in ("FLAC", "MP3"):
            _check_end(path, name)
        with open(path, "rb") as file:
            if kind == "OGG":
                _check_last_page(file, form, name)
            elif kind in ("WAV", "WAVEX", "RF64", "AIFF"):
                _check_sound_chunk(file, form, name)
    return form


@contextmanager
def refusals(name: Path | str) -> Iterator[None]:
    """Have a file that can't be opened or read refused, and called `name`; by the system, with its word as the cause.

    So in each look at it: between two of them its folder may be gone.
    """
    try:
        yield
    except OSError as error:
        raise FileRefused(f"can't be read ({error.strerror})", path=name) from error
    except (RuntimeError, MemoryError, ValueError) as error:
        unreadable(error, name)


def libsndfile() -> Any:
    """soundfile, which loads libsndfile when it is imported. Raises `LibraryMissing`: that is no fault of a file."""
    try:
        import soundfile
    except (ImportError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # it is there: the system does not give it
            raise
        raise LibraryMissing(
            f"libsndfile can't be loaded, so sound can't be read or written ({error})",
            hint="Install libsndfile1 (apt) or libsndfile (dnf, pacman, brew).",
        ) from None
    return soundfile


def opened(path: Path | str) -> Any:
    """The `soundfile.SoundFile` of the file at `path`, whose name need not be UTF-8: of a text soundfile makes UTF-8.

    Raises what soundfile raises, `LibraryMissing`, and `OSError` where the system does not give the file.
    """
    soundfile = libsndfile()
    name = os.fsencode(path)
    try:
        return soundfile.SoundFile(name)
    except soundfile.LibsndfileError as error:
        if error.code != _SYSTEM:
            raise
    os.close(os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))  # says why
    return soundfile.SoundFile(name)  # it came back


def streamed(path: Path | str) -> Any:
    """As `opened`, to be read block by block.

    Raises `FileRefused` for what can't be opened or would never end.
    soundfile seeks after each read, to where it is anyway. An MP3's decoder forgets then what its next frames are made
    from, so that they would be silence where the encoder saved bits for them: in pure music, or at low rates.
    """
    with refusals(path):
        _check_lists(path, path)
        sound = opened(path)
    sound.seekable = lambda: False
    return sound


def reason(error: Exception) -> str:
    """What soundfile says, without the name of the file."""
    return str(error).rsplit(": ", 1)[-1].rstrip(".")


def unreadable(error: Exception, name: Path | str) -> NoReturn:
    """Raise `FileRefused` for what libsndfile could not read, with a reason that is true of the file."""
    if isinstance(error, MemoryError):
        raise FileRefused("needs more memory than there is", path=name) from error
    reason = str(getattr(error, "error_string", "")).strip().rstrip(".")
    if not reason:
        reason = "damaged"
    elif "does not exist" in reason:  # what it says of a file named .mp3 in which it finds no MPEG frame
        reason = "Format not recognised"
    raise FileRefused(f"can't be read as audio ({reason})", path=name) from None


def _cut(announced: float, there: float, name: Path | str) -> NoReturn:
    raise FileRefused(f"cut short: its header says {announced:.2f} s, {there:.2f} s are there", path=name)


def _check_end(path: Path | str, name: Path | str) -> None:
    """Of a format that announces its frames, each of which is found only by decoding: the last must be there."""
    import soundfile

    with opened(path) as sound:
        announced, rate = sound.frames, sound.samplerate
        slack = _MP3_SLACK if sound.format == "MP3" else 0
        try:
            sound.seek(max(0, announced - 1 - slack))
            if announced == 0 or len(sound.read(1)) == 1:
                return
        except (soundfile.LibsndfileError, ValueError):  # the latter where it stands behind the end it announces
            pass
    _cut(announced / rate, _decodable(path) / rate, name)


def _decodable(path: Path | str) -> int:
    """How many frames can be read from the start, to a block."""
    import soundfile

    frames = 0
    with opened(path) as sound, suppress(soundfile.LibsndfileError, ValueError):
        while read := len(sound.read(_BLOCK)):
            frames += read
    return frames


def _check_last_page(file: BinaryIO, form: Form, name: Path | str) -> None:
    """Ogg announces no length, but its last page says that it is the last."""
    size = os.fstat(file.fileno()).st_size
    file.seek(max(0, size - _LONGEST_PAGE))
    tail = file.read()
    at = tail.rfind(b"OggS\0")
    page = tail[at:] if at >= 0 else b""
    segments = page[27 : 27 + page[26]] if len(page) > 27 else b""
    if not (segments and page[5] & _END_OF_STREAM and len(page) >= 27 + len(segments) + sum(segments)):
        raise FileRefused(f"cut short: its end is missing, {form.frames / form.rate:.2f} s are there", path=name)


class _Chunk(NamedTuple):
    name: bytes
    start: int
    """Of its body, in bytes from the file's start."""
    size: int | None
    """As announced; None where who wrote it could not know it, and nothing follows."""


def _order(head: bytes) -> Order:
    return "big" if head[:4] in (b"FORM", b"RIFX") else "little"


def _chunks(file: BinaryIO, order: Order) -> Iterator[_Chunk]:
    """The outermost chunks of a RIFF or an AIFF file that stands behind its first 12 bytes."""
    long_size, end = 0, os.fstat(file.fileno()).st_size
    while len(head := file.read(8)) == 8:
        name, size, start = head[:4], int.from_bytes(head[4:], order), file.tell()
        if name == b"ds64":
            long_size = int.from_bytes(file.read(16)[8:], "little")
        elif name in (b"data", b"SSND"):
            size = long_size or size
            if not long_size and size >= _UNKNOWN:
                yield _Chunk(name, start, None)
                return
        yield _Chunk(name, start, size)
        if start + size > end:
            return
        file.seek(start + size + size % 2)


def _check_lists(path: Path | str, name: Path | str) -> None:
    """No tag of a RIFF file's lists may lead back to where its list began: libsndfile would read it again, for ever.

    Nor may a list go on far behind the file's end: libsndfile goes on too, eight bytes a step, over up to 4 GB.
    """
    with open(path, "rb") as file:
        head = file.read(12)
        if head[:4] not in _RIFF:
            return
        order, size = _order(head), os.fstat(file.fileno()).st_size
        chunks = [*_chunks(file, order)]
        odd = next((at for at, chunk in enumerate(chunks) if not _is_plain(chunk, size)), len(chunks))
        if odd < len(chunks):
            chunks[odd:] = _anywhere(file, chunks[odd].start - 8, size, order)
        for chunk in chunks:
            if chunk.name in _LISTS and chunk.size:
                if chunk.start + chunk.size - size > _CUT_LIST:
                    raise FileRefused("damaged: its LIST says a size that it does not have", path=name)
                _check_list(file, chunk.start, min(chunk.start + chunk.size, size), order, name)


def _is_plain(chunk: _Chunk, end: int) -> bool:
    """Whether libsndfile too goes on behind this chunk where it says that it ends."""
    if chunk.name == b"ds64":
        return chunk.size == _DS64
    if chunk.name in (b"data", *_LISTS):
        return True
    return chunk.start + (chunk.size or 0) <= end and chunk.name.isascii() and chunk.name.decode().isprintable()


def _anywhere(file: BinaryIO, begin: int, end: int, order: Order) -> Iterator[_Chunk]:
    """What may be taken for a list where libsndfile looks for the next chunk byte by byte."""
    for first in {begin, max(begin, end - _SEARCHED)}:
        file.seek(first)
        part = file.read(_SEARCHED)
        for found in re.finditer(b"LIST|(?<!LIST....)INFO", part, re.DOTALL):
            size = int.from_bytes(part[found.end() : found.end() + 4], order)
            yield _Chunk(found[0], first + found.end() + 4, size)


def _check_list(file: BinaryIO, start: int, end: int, order: Order, name: Path | str) -> None:
    at = start
    while at < end:
        file.seek(at)
        head = file.read(8)
        if head[:4] in (b"INFO", b"adtl"):  # what kind of list it is: a name without a size
            at += 4
            continue
        at += 8
        size = int.from_bytes(head[4:], order)
        size += size % 2
        if 0 < (1 << 32) - size <= at - start:
            raise FileRefused("damaged: a tag in its LIST says a size that leads back", path=name)
        at += size


def _check_sound_chunk(file: BinaryIO, form: Form, name: Path | str) -> None:
    """The chunk with the sound must not be longer than the file."""
    size = os.fstat(file.fileno()).st_size
    sound = next((one for one in _chunks(file, _order(file.read(12))) if one.name in (b"data", b"SSND")), None)
    if sound is None or sound.size is None:
        return
    there = size - sound.start
    missing = sound.size - there
    if missing > _SLOPPY_BYTES:
        if there <= 0 or not form.frames:
            raise FileRefused("cut short: none of its sound is there", path=name)
        width = there / form.frames
        width = width if width < 1 else int(width)  # below one it is compressed
        _cut((form.frames + missing / width) / form.rate, form.frames / form.rate, name)
