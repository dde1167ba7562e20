"""Our readers given any bytes, for a moment; `make fuzz` does it for an hour."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from tests.fuzz.targets import TARGETS, holds


def spoilt(seeds: list[bytes]) -> st.SearchStrategy[bytes]:
    """A seed with some bytes changed, taken out or put in, once or often; or any bytes."""

    @st.composite
    def changed(draw: st.DrawFn) -> bytes:
        data = bytearray(draw(st.sampled_from(seeds)))
        for _ in range(draw(st.integers(1, 6))):
            at = draw(st.integers(0, len(data)))
            data[at : at + draw(st.integers(0, 8))] = draw(st.binary(max_size=8)) * draw(
                st.sampled_from([1, 1, 1, 200])
            )
        return bytes(data)

    return changed() | st.binary(max_size=400)


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_reader_refuses_or_reads_any_bytes(name, data):
    target, seeds = TARGETS[name]
    holds(target, data.draw(spoilt(list(seeds()))))


@pytest.mark.parametrize("name", TARGETS)
def test_what_a_fuzzer_begins_with_is_refused_or_read(name):
    target, seeds = TARGETS[name]
    for data in seeds():
        holds(target, data)
