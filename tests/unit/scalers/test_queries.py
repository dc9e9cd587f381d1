"""Query rewriting: the vectors of cloning.md section 4.7 in both modes, the lexical classes of 4.6, and two laws."""

from pathlib import Path

import promql_parser
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from canarykit.errors import UnknownName
from canarykit.queries import PROTECTED_LABELS, Identities, rewrite_query

FOLDER = Path(__file__).resolve().parents[2] / "golden" / "scalers"
ORDERS = Identities("orders", "orders")


def rewritten(text, kind="prometheus", key="query", identities=ORDERS, mode="strict"):
    return rewrite_query(kind, key, text, identities, "shop", "app", mode).text


def _golden(name):
    return yaml.safe_load((FOLDER / name).read_text())


VECTORS = {vector["number"]: vector for vector in _golden("query-vectors.yaml")["vectors"]}
CASES = _golden("query-classes.yaml")["cases"]


def _of_vector(number, mode):
    vector = VECTORS[number]
    identities = Identities(**vector["names"]) if "names" in vector else ORDERS
    return rewritten(vector["input"], vector["type"], vector["key"], identities, mode)


@pytest.mark.parametrize("number", VECTORS)
def test_strict_rewrites_vector(number):
    """cloning.md section 4.7, column strict."""
    assert _of_vector(number, "strict") == VECTORS[number]["strict"]


@pytest.mark.parametrize("number", VECTORS)
def test_text_mode_rewrites_vector_as_flagger_does(number):
    """cloning.md section 4.7, column compat."""
    assert _of_vector(number, "text") == VECTORS[number]["text"]


def test_all_vectors_of_the_reference_are_in_the_table():
    assert {number.rstrip("b") for number in VECTORS} == {str(number) for number in range(1, 33)}


@pytest.mark.parametrize("number", [number for number, vector in VECTORS.items() if vector["type"] == "prometheus"])
def test_rewritten_promql_still_parses(number):
    """An independent parser accepts what we write for every PromQL vector."""
    promql_parser.parse(VECTORS[number]["input"])
    promql_parser.parse(_of_vector(number, "strict"))


def test_text_mode_can_break_a_query_that_strict_keeps():
    """S7: a label that contains the target's name makes Flagger's rewrite a text that is no PromQL."""
    text, names = 'sum(rate(app_requests_total{app="app"}[1m]))', Identities("app")
    promql_parser.parse(rewritten(text, identities=names))
    with pytest.raises(ValueError):
        promql_parser.parse(rewritten(text, identities=names, mode="text"))


def test_s3_every_query_key_is_rewritten_and_not_only_query():
    assert rewritten("orders;other", "aws-cloudwatch", "dimensionValue") == "orders-primary;other"
    assert rewritten("_source=orders", "sumologic", "query.A") == "_source=orders-primary"


def test_s6_primary_suffix_is_not_doubled():
    assert rewritten('{app="orders-primary"}') == '{app="orders-primary"}'


def test_s7_parts_of_words_and_shared_labels_stay():
    text = '{app="reorders",queue="orders_jobs",namespace="orders",container="orders"}'
    assert rewritten(text) == text


def test_s8_a_matcher_that_excludes_the_canary_goes_on_excluding_the_canary():
    assert rewritten('{app!="orders-canary"}') == '{app!="orders-canary"}'


def test_s9_text_mode_has_no_dice():
    """A target of one letter: Flagger's random placeholder contains it one time in six; splitting never does."""
    results = {rewritten('{app="a-canary",b="a"}', identities=Identities("a"), mode="text") for _ in range(50)}
    assert results == {'{a-primarypp="a-primary",b="a-primary"}'}


def test_s10_all_three_names_are_known():
    names = Identities("orders-deploy", "ord", "ord-svc")
    assert rewritten('{app="ord",deployment="orders-deploy",service="ord-svc",x="orders-deploy-svc"}', identities=names) == (
        '{app="ord-primary",deployment="orders-deploy-primary",service="ord-svc-primary",x="orders-deploy-svc"}'
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['type']}: {case['input']}")
def test_lexical_classes(case):
    """cloning.md section 4.6: where each class looks, which labels stay, and what an exclusion becomes."""
    assert rewritten(case["input"], case["type"], case["key"]) == case["strict"]


def test_without_a_namespace_no_cluster_name_is_recognised():
    text = '{c="_orders_80",h="orders.shop.svc"}'
    assert rewrite_query("prometheus", "query", text, ORDERS, "", "app").text == text


def test_protected_labels_are_configurable():
    query = '{team="orders",namespace="orders"}'
    result = rewrite_query("prometheus", "query", query, ORDERS, "shop", "app", protected=frozenset({"team"}))
    assert result.text == '{team="orders",namespace="orders-primary"}'
    assert "namespace" in PROTECTED_LABELS


def test_a_name_that_cannot_be_rewritten_is_reported():
    (problem,) = rewrite_query("prometheus", "query", 'rate(x{app="orders-db"}[1m])', ORDERS, "shop", "app").diagnostics
    assert (problem.code, problem.path, problem.severity) == ("query-unchanged", "query", "warning")
    assert "primaryScalerQueries" in str(problem)


@pytest.mark.parametrize("text", ['{app="orders"}', '{app="orders-primary"}', "up", '{app="reorders"}'])
def test_nothing_is_reported_where_all_is_well(text):
    assert rewrite_query("prometheus", "query", text, ORDERS, "shop", "app").diagnostics == ()


def test_a_rewritten_literal_of_a_data_store_is_reported():
    (problem,) = rewrite_query("mysql", "query", "SELECT 1 FROM t WHERE owner='orders'", ORDERS, "shop", "app").diagnostics
    assert problem.code == "data-store-query"


def test_an_unknown_mode_lists_the_known_ones():
    with pytest.raises(UnknownName, match="strict, text"):
        rewritten("x", mode="guess")


NAME = st.from_regex(r"[a-z][a-z0-9]{0,5}(-[a-z0-9]{1,4}){0,2}", fullmatch=True).filter(
    lambda name: not name.endswith(("-primary", "-canary"))
)
VALUE = st.one_of(
    st.sampled_from(
        [
            "{0}",
            "{0}-canary",
            "{0}-primary",
            "{0}-.*",
            "{0}.*",
            "re{0}",
            "{0}-db",
            "ns_{0}_80",
            "{0}.ns.svc",
            "{1}",
            "{2}-canary|{0}",
        ]
    ),
    st.text("abc-_.*|/\\\\(){}", max_size=8).map(lambda text: text.replace("{", "{{").replace("}", "}}")),
)
MATCHERS = st.lists(
    st.tuples(st.sampled_from(["app", "pod", "namespace", "container", "job"]), st.sampled_from(["=", "=~"]), VALUE), max_size=4
)


def _parses(text):
    try:
        promql_parser.parse(text)
    except ValueError:
        return False
    return True


@settings(max_examples=150, deadline=None)
@given(names=st.tuples(NAME, NAME, NAME), matchers=MATCHERS)
def test_rewriting_twice_is_rewriting_once(names, matchers):
    """The law of queries.py, for matchers that include, whatever the names contain of each other; PromQL stays PromQL."""
    selector = ",".join(f'{label}{sign}"{value.format(*names)}"' for label, sign, value in matchers)
    text = f"sum(rate(m_total{{{selector}}}[1m]))"
    identities = Identities(*names)
    once = rewrite_query("prometheus", "query", text, identities, "ns", "app").text
    assert rewrite_query("prometheus", "query", once, identities, "ns", "app").text == once
    if _parses(text):
        assert _parses(once)


@settings(max_examples=150, deadline=None)
@given(
    text=st.text(max_size=60),
    kind=st.sampled_from(["prometheus", "datadog", "graphite", "mysql", "elasticsearch", "solr", "sumologic", "metrics-api"]),
)
def test_a_text_that_names_nobody_stays_as_it_is(text, kind):
    """Without a mention nothing changes, whatever the text looks like."""
    key = "url" if kind == "metrics-api" else "query"
    assert rewritten(text, kind, key, Identities("a-name-that-no-text-has")) == text
