"""Go's durations and numbers, read and printed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canarykit.errors import SpecError
from canarykit.spec.durations import go_duration, go_float, seconds, seconds_or
from unit.spec.samples import REPEATABLE


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("15s", 15),
        ("1m", 60),
        ("1h30m", 5400),
        ("1m30s", 90),
        ("1.5m", 90),
        (".5s", 0.5),
        ("1.s", 1),
        ("500ms", 0.5),
        ("250us", 0.00025),
        ("250µs", 0.00025),
        ("250μs", 0.00025),
        ("7ns", 7e-9),
        ("1h1m1s1ms", 3661.001),
        ("-2s", -2),
        ("+2s", 2),
        ("0", 0),
        ("0s", 0),
    ],
)
def test_duration_is_read_as_go_reads_it(text: str, wanted: float) -> None:
    assert seconds(text) == wanted


@pytest.mark.parametrize(
    "text", ["", "5", "5x", "1min", "10sgarbage", "1 s", "s", ".s", "--1s", "1e3s", "1d", "٣s", "9999999h", "9" * 2000 + "s"]
)
def test_what_is_no_duration_names_path_value_and_next_step(text: str) -> None:
    with pytest.raises(SpecError) as caught:
        seconds(text, "spec.analysis.interval")
    problem = caught.value.problem
    assert (problem.path, problem.problem, problem.value) == ("spec.analysis.interval", "is not a duration", text)
    assert "30s" in problem.next_step


def test_number_beyond_all_bounds_is_no_duration() -> None:
    with pytest.raises(SpecError, match="is not a duration"):
        seconds("9" * 1_000_001 + "s")


def test_default_stands_in_for_what_is_no_duration() -> None:
    assert [seconds_or(text, 60.0) for text in ("30s", "1min", "", None)] == [30, 60, 60, 60]
    assert seconds_or("1min", None) is None


@pytest.mark.parametrize(
    ("given_s", "wanted"),
    [
        (1.515, "1.515s"),
        (2.485, "2.485s"),
        (0.5, "500ms"),
        (90, "1m30s"),
        (60, "1m0s"),
        (3600, "1h0m0s"),
        (3661.5, "1h1m1.5s"),
        (59.999, "59.999s"),
        (1.5e-6, "1.5µs"),
        (1e-9, "1ns"),
        (0, "0s"),
        (1e-10, "0s"),
        (-1.5, "-1.5s"),
        (-90, "-1m30s"),
    ],
)
def test_duration_is_printed_as_go_prints_it(given_s: float, wanted: str) -> None:
    assert go_duration(given_s) == wanted


@REPEATABLE
@given(st.integers(min_value=-(10**15), max_value=10**15))
def test_printed_duration_reads_back(nanoseconds: int) -> None:
    duration_s = nanoseconds / 10**9
    assert seconds(go_duration(duration_s)) == pytest.approx(duration_s, abs=1e-9)


@pytest.mark.parametrize(
    ("number", "wanted"),
    [
        (99, "99"),
        (99.0, "99"),
        (100.0, "100"),
        (99.5, "99.5"),
        (500000, "500000"),
        (123456.7, "123456.7"),
        (1e6, "1e+06"),
        (1234567, "1.234567e+06"),
        (0.0001, "0.0001"),
        (1.5e-5, "1.5e-05"),
        (0.1 + 0.2, "0.30000000000000004"),
        (1e100, "1e+100"),
        (0, "0"),
        (-0.0, "-0"),
        (-3.25, "-3.25"),
        (float("nan"), "NaN"),
        (float("inf"), "+Inf"),
        (float("-inf"), "-Inf"),
    ],
)
def test_float_is_printed_as_go_prints_it(number: float, wanted: str) -> None:
    assert go_float(number) == wanted


@REPEATABLE
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_printed_float_reads_back_the_same(number: float) -> None:
    assert float(go_float(number)) == number
