"""Sound files that lie about their length, rate, channels and format, or hold what is no sound."""

from __future__ import annotations

import io
import struct

import numpy as np
import soundfile

RATE = 22_050
PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE


def tone(seconds: float = 2.0) -> np.ndarray:
    time = np.arange(round(seconds * RATE)) / RATE
    return 0.3 * np.sin(2 * np.pi * 330 * time) * np.exp(-3 * (time % 0.5))


def written(sound: np.ndarray, kind: str, subtype: str | None = None, rate: int = RATE) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, sound, rate, format=kind, subtype=subtype)
    return file.getvalue()


def form(tag: int = PCM, channels: int = 1, rate: int = RATE, bits: int = 16, align: int | None = None) -> bytes:
    align = channels * bits // 8 if align is None else align
    body = struct.pack("<HHIIHH", tag, channels & 0xFFFF, rate, rate * align & 0xFFFFFFFF, align & 0xFFFF, bits)
    return b"fmt " + struct.pack("<I", 16) + body


def data(body: bytes, claimed: int | None = None) -> bytes:
    return b"data" + struct.pack("<I", len(body) if claimed is None else claimed) + body


def wav(*chunks: bytes, claimed: int | None = None) -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body) if claimed is None else claimed) + body


def listed(*tags: bytes, kind: bytes = b"INFO") -> bytes:
    """A LIST of tags, each of which is whole with its head."""
    body = kind + b"".join(tags)
    return b"LIST" + struct.pack("<I", len(body)) + body


def tag(name: bytes, text: bytes, claimed: int | None = None) -> bytes:
    return name + struct.pack("<I", len(text) if claimed is None else claimed & 0xFFFFFFFF) + text


def floats(*values: float) -> bytes:
    """A tone of floats with some values amid it."""
    sound = tone().astype("<f4")
    sound[1000 : 1000 + len(values)] = values
    return wav(form(FLOAT, bits=32), data(sound.tobytes()))


def aiff(rate: bytes, frames: int, body: bytes) -> bytes:
    common = struct.pack(">hIh", 1, frames & 0xFFFFFFFF, 16) + rate
    sound = struct.pack(">II", 0, 0) + body
    chunks = b"COMM" + struct.pack(">I", len(common)) + common + b"SSND" + struct.pack(">I", len(sound)) + sound
    return b"FORM" + struct.pack(">I", len(chunks) + 4) + b"AIFF" + chunks


def rf64(frames: int, *chunks: bytes, size: int = 1 << 62) -> bytes:
    sizes = struct.pack("<QQQI", size, size, frames, 0)
    body = b"WAVEds64" + struct.pack("<I", len(sizes)) + sizes + form() + data(WORDS, 0xFFFFFFFF) + b"".join(chunks)
    return b"RF64\xff\xff\xff\xff" + body


def flac_claiming(frames: int, channels: int = 1, rate: int = RATE, keep: int = 1 << 30) -> bytes:
    """A good file whose header says otherwise: STREAMINFO has 20 bits of rate, 3 channels, 5 bits and 36 frames."""
    good = bytearray(FLAC[:keep])
    packed = rate << 44 | (channels - 1) << 41 | 15 << 36 | frames
    good[18:26] = packed.to_bytes(8, "big")
    return bytes(good)


def id3(claimed: int) -> bytes:
    size = bytes(claimed >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x04\x00\x00" + size + b"\x00" * 100


WORDS = (tone() * 30_000).astype("<i2").tobytes()
FLAC = written(tone(), "FLAC", "PCM_16")
OGG = written(tone(), "OGG", "VORBIS")
TEN = b"\x40\x0e\xac\x44\x00\x00\x00\x00\x00\x00"  # 44100 as AIFF's 80 bits

BACK = listed(tag(b"INAf", b"a title", -12))
"""A tag that leads back to where its list begins."""

NASTY: dict[str, bytes] = {
    "empty.wav": b"",
    "one byte.wav": b"R",
    "name only.wav": b"RIFF\x00\x00\x00\x00WAVE",
    "no data.wav": wav(form()),
    "data of nothing.wav": wav(form(), data(b"")),
    "data of four gigabytes.wav": wav(form(), data(WORDS, 0xFFFFFFFE)),
    "RIFF of nothing.wav": wav(form(), data(WORDS), claimed=0),
    "no format.wav": wav(data(WORDS)),
    "format after data.wav": wav(data(WORDS), form()),
    "no channels.wav": wav(form(channels=0), data(WORDS)),
    "65535 channels.wav": wav(form(channels=0xFFFF), data(WORDS)),
    "rate 0.wav": wav(form(rate=0), data(WORDS)),
    "rate 1.wav": wav(form(rate=1), data(WORDS)),
    "rate of four gigahertz.wav": wav(form(rate=0xFFFFFFFF), data(WORDS)),
    "no bits.wav": wav(form(bits=0), data(WORDS)),
    "seven bits.wav": wav(form(bits=7), data(WORDS)),
    "65535 bits.wav": wav(form(bits=0xFFFF, align=2), data(WORDS)),
    "align 0.wav": wav(form(align=0), data(WORDS)),
    "unknown coding.wav": wav(form(0x4242), data(WORDS)),
    "extensible without its rest.wav": wav(form(EXTENSIBLE), data(WORDS)),
    "not a number.wav": floats(np.nan),
    "infinite.wav": floats(np.inf, -np.inf),
    "louder than anything.wav": floats(1e30),
    "denormal.wav": wav(form(FLOAT, bits=32), data(np.full(RATE, 1e-40, "<f4").tobytes())),
    "silent.wav": wav(form(), data(bytes(RATE * 2))),
    "direct current.wav": wav(form(), data(np.full(RATE, 20_000, "<i2").tobytes())),
    "an odd byte.wav": wav(form(), data(WORDS[:-1])),
    "cut.wav": wav(form(), data(WORDS))[:5000],
    "escapes.wav": wav(form(), b"LIST\x18\x00\x00\x00INFOINAM\x0c\x00\x00\x00\x1b]0;x\x07\x1b[2J[b", data(WORDS)),
    "a chunk of four gigabytes.wav": wav(form(), b"JUNK\xff\xff\xff\xff", data(WORDS)),
    "a tag that leads back.wav": wav(form(), BACK, data(WORDS)),
    "a second tag that leads back.wav": wav(form(), listed(tag(b"INAM", b"rain"), tag(b"IKEY", b"", -9)), data(WORDS)),
    "a tag that leads back at the end.wav": wav(form(), data(WORDS), BACK),
    "a tag that leads back behind 64 bits.wav": rf64(len(tone()), BACK, size=len(WORDS)),
    "a tag that leads back behind more of 64 bits.wav": rf64(len(tone()), size=len(WORDS)).replace(
        b"ds64\x1c", b"ds64\x3c").replace(b"data", BACK + b"data"),
    "a tag that leads back behind no chunk.wav": wav(form(), b"\x01\x02\x03\x04\x05", BACK, data(WORDS)),
    "tags far behind the end.wav": wav(form(), b"LIST\x2a\x3c\x00\x02INFO", data(WORDS)),
    "tags far behind the end behind 64 bits.wav": bytes.fromhex(
        "52463634ffffffff574156454c4953542a3c0002" + "ff" * 28 + "df" + "ff" * 45 + "0009ffffffffffffffff"
        "000000010001002258000000000000000010006461740000007e01"
    ),
    "2^62 frames.wav": rf64(1 << 62),
    "two sizes and no sound.wav": bytes.fromhex(
        "52463634ffffffff57415645647336343c000000000000000000004000000000000000400000000000fdff40"
        "00000000666d7420100000000100010022580000000000000000100064617461ff1ff5ff64617461ffffffff"
    ),
    "a picture.wav": b"\x89PNG\r\n\x1a\n" + bytes(2000),
    "zeros.wav": bytes(50_000),
    "cut.flac": FLAC[: len(FLAC) // 2],
    "header only.flac": FLAC[:42],
    "2^36 frames.flac": flac_claiming((1 << 36) - 1),
    "no frames.flac": flac_claiming(0, keep=42),
    "eight channels of one.flac": flac_claiming(len(tone()), channels=8),
    "rate 0.flac": flac_claiming(len(tone()), rate=0),
    "flipped.flac": FLAC[:3000] + bytes(byte ^ 0x55 for byte in FLAC[3000:3400]) + FLAC[3400:],
    "bomb.flac": written(np.zeros((1_000_000, 2), "i2"), "FLAC", "PCM_16", 48_000),
    "cut.ogg": OGG[: len(OGG) // 3],
    "name only.ogg": b"OggS" + bytes(100),
    "the first page for ever.ogg": OGG[:58] * 500,
    "flipped.ogg": OGG[:4000] + bytes(byte ^ 0xFF for byte in OGG[4000:4500]) + OGG[4500:],
    "rate of infinity.aiff": aiff(b"\x7f\xff\x80" + bytes(7), 1000, WORDS[:2000]),
    "minus one frames.aiff": aiff(TEN, -1, WORDS[:2000]),
    "no frames.aiff": aiff(TEN, 0, b""),
    "zeros.mp3": bytes(50_000),
    "a tag of a quarter gigabyte.mp3": id3((1 << 28) - 1),
    "sync without end.mp3": b"\xff\xfb\x90\x64" * 5000,
    "words.mp3": b"this is no music\n" * 100,
}  # fmt: skip
