"""One comparison for all metrics, and its words. Facts: analysis.md section 0, engine.md section 6.5."""

import math

import pytest

from canarykit.model import FAIL, NO_DATA, PASS
from canarykit.thresholds import Limits, breach, judge, milliseconds, percent, percent_bound, two_digits


@pytest.mark.parametrize(
    ("value", "minimum", "maximum", "verdict"),
    [
        (99, 99, None, PASS),
        (98.999999, 99, None, FAIL),
        (500, None, 500, PASS),
        (500.000001, None, 500, FAIL),
        (5, 1, 5, PASS),
        (0.9, 1, 5, FAIL),
        (-7, None, None, PASS),
        (math.inf, None, None, PASS),
        (math.inf, None, 500, FAIL),
        (math.inf, 99, None, FAIL),
        (-math.inf, None, 500, FAIL),
        (math.nan, None, None, NO_DATA),
        (math.nan, 1, 5, NO_DATA),
        (100, 99.999, 50, FAIL),
        (0, 0, 0, PASS),
    ],
)
def test_bounds_are_allowed_values(value, minimum, maximum, verdict):
    assert judge(value, minimum, maximum) == verdict


@pytest.mark.parametrize(
    ("value", "limits", "show", "bound", "text"),
    [
        (98.6945, Limits(99), percent, percent_bound, "98.69% < 99%"),
        (100, Limits(99.999, 50), percent, percent_bound, "100.00% > 50%"),
        (99.4, Limits(99.5), percent, percent_bound, "99.40% < 99.5%"),
        (1515, Limits(None, 500), milliseconds, milliseconds, "1.515s > 500ms"),
        (2485, Limits(None, 500), milliseconds, milliseconds, "2.485s > 500ms"),
        (90500, Limits(None, 60000), milliseconds, milliseconds, "1m30.5s > 1m0s"),
        (7, Limits(None, 5), two_digits, str, "7.00 > 5"),
        (math.inf, Limits(None, 500), milliseconds, milliseconds, "+Inf > 500ms"),
        (math.inf, Limits(99), percent, percent_bound, "+Inf% is not a number to judge by"),
    ],
)
def test_breach_is_said_as_in_events(value, limits, show, bound, text):
    assert breach(value, limits, show, bound) == text


def test_range_is_said_as_people_read_it():
    assert Limits(99).wanted(percent_bound) == ">= 99%"
    assert Limits(None, 500).wanted(milliseconds) == "<= 500ms"
    assert Limits(1, 5).wanted(two_digits) == ">= 1.00, <= 5.00"
    assert Limits().wanted(str) == "any value"


def test_bounds_of_durations_lose_their_fraction():
    assert Limits(1.9, 500.9).in_whole_units == Limits(1, 500)
    assert Limits().in_whole_units == Limits()
