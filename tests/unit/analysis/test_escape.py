"""Values stay inside the PromQL text in which a template puts them."""

import promql_parser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from canarykit.errors import SpecError
from canarykit.metrics.escape import PromqlEscape, pattern
from canarykit.templates import render


def fitted(template, value):
    return render(template, {"x": value}, escape=PromqlEscape())


@pytest.mark.parametrize(
    ("template", "value", "expected"),
    [
        ('m{a="{{ x }}"}', "plain", 'm{a="plain"}'),
        ('m{a="{{ x }}"}', 'b"} or vector(1) #', 'm{a="b\\"} or vector(1) #"}'),
        ('m{a="{{ x }}"}', "it's", 'm{a="it\'s"}'),
        ("m{a='{{ x }}'}", "it's", "m{a='it\\'s'}"),
        ('m{a="{{ x }}"}', "two\nlines", 'm{a="two\\nlines"}'),
        ('m{a="{{ x }}"}', "end\\", 'm{a="end\\\\"}'),
        ('m{a=~"{{ x }}"}', "user\\\\.own", 'm{a=~"user\\\\.own"}'),
        ('m{a="{{ x }}"}', 'own \\" escape', 'm{a="own \\" escape"}'),
        ('m{a="\\{{ x }}"}', '"b', 'm{a="\\"b"}'),
        ("sum({{ x }})", 'm{a="b"}', 'sum(m{a="b"})'),
        ("m{a=`{{ x }}`}", 'a"b', 'm{a=`a"b`}'),
        ('# it"s {{ x }}\nm{a="{{ x }}"}', 'a\nb"', '# it"s a b"\nm{a="a\\nb\\""}'),
    ],
)
def test_value_is_escaped_for_its_place(template, value, expected):
    assert fitted(template, value) == expected


def test_backtick_between_backticks_is_refused():
    with pytest.raises(SpecError, match="line 1, column 10: a value with a backtick"):
        fitted("m{a=`b{{ x }}`}", "`")


@given(st.text(alphabet="ab\"'\\\n`{}#", max_size=12), st.sampled_from(['"', "'"]))
def test_no_value_leaves_its_quotes(value, quote):
    """Whatever stands in the value, the text around it still ends where the template ends it."""
    escape = PromqlEscape()
    escape.saw("m{a=" + quote)
    said = escape.fitted(value)
    open_after = 0
    while open_after < len(said):
        assert said[open_after] not in (quote, "\n")
        open_after += 2 if said[open_after] == "\\" else 1
    assert open_after == len(said)


def test_pattern_matches_only_the_name():
    assert pattern("my.app") == "my\\\\.app"
    assert pattern("plain-app") == "plain-app"
    selector = promql_parser.parse('up{pod=~"' + pattern("a.b+(c)|d[e]{f}^$\\") + '"}')
    assert selector.matchers.matchers[0].value == "a\\.b\\+\\(c\\)\\|d\\[e\\]\\{f\\}\\^\\$\\\\"
