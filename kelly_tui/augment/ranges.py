"""How low and how high instruments go: a transposed part stays one that could be played."""

from __future__ import annotations

PIANO = (21, 108)

_OF_PROGRAMS: dict[tuple[int, ...], tuple[int, int]] = {
    (9,): (77, 108),  # glockenspiel
    (11,): (53, 89),  # vibraphone
    (12,): (45, 96),  # marimba
    (13,): (65, 108),  # xylophone
    (24, 25): (38, 84),  # nylon and steel guitar, the lowest string down to D
    (26, 27, 28, 29, 30): (38, 88),  # electric guitars
    (32, 33, 34, 35, 36, 37): (23, 67),  # basses, of five strings too
    (40, 110): (55, 103),  # violin, fiddle
    (41,): (48, 91),  # viola
    (42,): (36, 81),  # cello
    (43,): (24, 67),  # double bass, with its extension
    (46,): (23, 103),  # harp
    (47,): (36, 60),  # timpani
    (56, 59): (52, 86),  # trumpet, open and muted
    (57,): (34, 77),  # trombone
    (58,): (26, 65),  # tuba
    (60,): (29, 77),  # horn
    (64,): (56, 91),  # saxophones: soprano, alto, tenor, baritone
    (65,): (49, 85),
    (66,): (44, 80),
    (67,): (36, 73),
    (68,): (58, 93),  # oboe
    (69,): (52, 83),  # English horn
    (70,): (34, 76),  # bassoon
    (71,): (50, 98),  # clarinet
    (72,): (74, 108),  # piccolo
    (73,): (59, 100),  # flute
    (74,): (60, 98),  # recorder, tenor to soprano
}
_RANGES = {program: limits for programs, limits in _OF_PROGRAMS.items() for program in programs}


def range_of(program: int) -> tuple[int, int]:
    """The lowest and highest sounding pitch of a General MIDI program, 0..127; the piano's where it has no own.

    As far as professionals go by common books of orchestration; a few semitones either way are a matter of opinion.
    """
    return _RANGES.get(program, PIANO)
