"""SoundFonts that are none, or lie: made from a good one of a hundred samples, so that few bytes say much."""

from __future__ import annotations

import struct


def chunk(kind: bytes, body: bytes, claimed: int | None = None) -> bytes:
    size = len(body) if claimed is None else claimed
    return kind + struct.pack("<I", size) + body + b"\x00" * (len(body) % 2)


def listed(kind: bytes, *chunks: bytes) -> bytes:
    return chunk(b"LIST", kind + b"".join(chunks))


def name(text: bytes) -> bytes:
    return text[:20].ljust(20, b"\x00")


def font(
    samples: bytes = bytes(4000),
    start: int = 0,
    end: int = 1900,
    loop: tuple[int, int] = (8, 1800),
    rate: int = 44_100,
    called: bytes = b"one",
    instrument: int = 0,
    sample: int = 0,
    zones: int = 1,
    kind: int = 1,
) -> bytes:
    """A SoundFont 2.01 of one preset, one instrument and one sample, with the fields that can lie."""
    generator = struct.pack("<HH", 53, sample) + bytes(4)
    version, engine = chunk(b"ifil", struct.pack("<HH", 2, 1)), chunk(b"isng", b"EMU8000\x00")
    info = listed(b"INFO", version, engine, chunk(b"INAM", called + b"\x00"))
    presets = name(called) + bytes(18) + name(b"EOP") + struct.pack("<HHHIII", 0, 0, zones, 0, 0, 0)
    instruments = name(called) + struct.pack("<H", 0) + name(b"EOI") + struct.pack("<H", 1)
    heads = name(called) + struct.pack("<IIIIIBbHH", start, end, *loop, rate, 60, 0, 0, kind) + name(b"EOS") + bytes(26)
    hydra = listed(
        b"pdta",
        chunk(b"phdr", presets),
        chunk(b"pbag", struct.pack("<HHHH", 0, 0, 1, 0)),
        chunk(b"pmod", bytes(10)),
        chunk(b"pgen", struct.pack("<HH", 41, instrument) + bytes(4)),
        chunk(b"inst", instruments),
        chunk(b"ibag", struct.pack("<HHHH", 0, 0, 1, 0)),
        chunk(b"imod", bytes(10)),
        chunk(b"igen", generator),
        chunk(b"shdr", heads),
    )
    return chunk(b"RIFF", b"sfbk" + info + listed(b"sdta", chunk(b"smpl", samples)) + hydra)


WAVE = b"".join(struct.pack("<h", (at * 331 % 20_000) - 10_000) for at in range(2000))
GOOD = font(WAVE)

NASTY: dict[str, bytes] = {
    "empty": b"",
    "name only": b"RIFF\x04\x00\x00\x00sfbk",
    "text": b"this is no SoundFont\n" * 100,
    "zeros": bytes(100_000),
    "cut in half": GOOD[: len(GOOD) // 2],
    "cut at the end": GOOD[:-30],
    "a RIFF of four gigabytes": b"RIFF\xff\xff\xff\xff" + GOOD[8:],
    "a RIFF of nothing": b"RIFF\x00\x00\x00\x00" + GOOD[8:],
    "lists of four gigabytes": GOOD.replace(b"LIST", b"LIST\xff\xff\xff\xff"),
    "samples out of the file": font(WAVE, start=1 << 30, end=(1 << 31) - 1),
    "a sample that ends before it begins": font(WAVE, start=1900, end=0),
    "a loop outside": font(WAVE, loop=(1 << 31, (1 << 32) - 1)),
    "a loop of nothing": font(WAVE, loop=(8, 8)),
    "a loop backwards": font(WAVE, loop=(1800, 8)),
    "rate 0": font(WAVE, rate=0),
    "rate of four gigahertz": font(WAVE, rate=0xFFFFFFFF),
    "no samples": font(b""),
    "an instrument that is not there": font(WAVE, instrument=0xFFFF),
    "a sample that is not there": font(WAVE, sample=0xFFFF),
    "65535 zones": font(WAVE, zones=0xFFFF),
    "no zones": font(WAVE, zones=0),
    "a name of escapes": font(WAVE, called=b"\x1b]0;x\x07\x1b[2J"),
    "a name without end": font(WAVE, called=b"x" * 20),
    "Ogg that is none": font(WAVE, kind=0x11),
    "a sample in a ROM": font(WAVE, kind=0x8001),
    "an unknown kind": font(WAVE, kind=0x7FFF),
    "presets of half a record": GOOD.replace(b"phdr\x4c\x00\x00\x00", b"phdr\x2d\x00\x00\x00"),
    "no hydra": GOOD[: GOOD.index(b"pdta") - 8],
    "no info": GOOD.replace(b"INFO", b"JUNK"),
    "version 9": GOOD.replace(b"ifil\x04\x00\x00\x00\x02\x00", b"ifil\x04\x00\x00\x00\x09\x00"),
    "generators of noise": GOOD.replace(struct.pack("<HH", 41, 0), b"\xff\xff\xff\xff"),
    "lists in lists": chunk(b"RIFF", b"sfbk" + listed(b"INFO", b"".join(chunk(b"LIST", b"INFO") for _ in range(5000)))),
    "a bank of noise": chunk(b"RIFF", b"sfbk" + bytes((at * 7919 >> 3) & 0xFF for at in range(50_000))),
    "a wave": b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00" + bytes(100),
}  # fmt: skip
