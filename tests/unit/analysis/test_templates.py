"""Go text templates, as metric queries use them. Expected results were compared with Go's own text/template."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canarykit.errors import SpecError
from canarykit.templates import render
from canarykit.templates.functions import BUILTINS
from canarykit.templates.parser import GO_FUNCTIONS, QUERY_VARIABLES, check_query

VARIABLES = {
    "name": "podinfo",
    "namespace": "test",
    "target": "podinfo",
    "service": "podinfo-svc",
    "ingress": "ing",
    "route": "rt",
    "interval": "1m",
    "variables": {"key": "value", "empty": "", "n": "5"},
}

RENDERED = [
    ("plain", "plain"),
    ("{{ name }}.{{namespace}} [{{ interval }}]", "podinfo.test [1m]"),
    ("{{ variables.key }}", "value"),
    ("{{ (variables).key }}", "value"),
    ("{{ $v := variables }}{{ $v.key }}", "value"),
    ('{{ index variables "key" }}|{{ index variables "nope" }}', "value|"),
    ("{{ variables }}", "map[empty: key:value n:5]"),
    ("}} {{ name }} }}", "}} podinfo }}"),
    ("{{ name\n}}", "podinfo"),
    # trim markers and comments
    ("a {{- name }} b", "apodinfo b"),
    ("a\n  {{-  name  -}}\n b", "apodinfob"),
    ("{{/* c */}}x {{- /* c */ -}} y", "xy"),
    ("{{ if name -}}\n x\n{{- end }}", "x"),
    # control
    ('{{ if eq name "podinfo" }}yes{{ else }}no{{ end }}', "yes"),
    ('{{ if ne name "podinfo" }}a{{ else if eq 1 1 }}b{{ else }}c{{ end }}', "b"),
    ("{{ if variables.empty }}yes{{ else }}no{{ end }}", "no"),
    ("{{ with variables.key }}{{ . }}{{ else }}none{{ end }}", "value"),
    ("{{ with variables.empty }}{{ . }}{{ else with name }}n-{{ . }}{{ end }}", "n-podinfo"),
    ("{{ with $x := name }}{{ $x }}{{ . }}{{ end }}", "podinfopodinfo"),
    ("{{ range $k, $v := variables }}{{ $k }}={{ $v }};{{ end }}", "empty=;key=value;n=5;"),
    ("{{ range $v := variables }}{{ $v }};{{ end }}", ";value;5;"),
    ("{{ range variables }}{{ . }};{{ end }}", ";value;5;"),
    ("{{ range 3 }}{{ . }}{{ end }}", "012"),
    ("{{ range $i := 3 }}{{ if eq $i 1 }}{{ continue }}{{ end }}{{ $i }}{{ end }}", "02"),
    ("{{ range $i := 5 }}{{ if eq $i 2 }}{{ break }}{{ end }}{{ $i }}{{ end }}", "01"),
    ("{{ range 0 }}x{{ else }}none{{ end }}", "none"),
    # variables
    ('{{ $x := name }}{{ $x }}{{ $x = "other" }}{{ $x }}', "podinfoother"),
    ("{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ end }}{{ $x }}", "2"),
    ("{{ $x := 1 }}{{ if true }}{{ $x := 2 }}{{ end }}{{ $x }}", "1"),
    # definitions
    ('{{ define "t" }}[{{ . }}]{{ end }}{{ template "t" name }}{{ template "t" }}', "[podinfo][<no value>]"),
    ('{{ block "b" name }}<{{ . }}>{{ end }}', "<podinfo>"),
    # pipelines and functions
    ('{{ name | printf "%s-%s" "a" }}', "a-podinfo"),
    ("{{ name | len }} {{ len variables }}", "7 3"),
    ('{{ and name "x" }} {{ and "" "x" }}|{{ or "" "x" }} {{ or name "x" }}', "x |x podinfo"),
    ('{{ not name }} {{ not "" }}', "false true"),
    ('{{ eq name "a" "podinfo" }} {{ ne 1 2 }} {{ lt 1 2 }}', "true true true"),
    ("{{ le 2 2 }} {{ gt 1 2 }} {{ ge 2 2 }} {{ gt 2 2 }} {{ le 3 2 }}", "true false true false false"),
    ("{{ print nil true }} {{ slice `aéb` 0 1 }} {{ len `é` }}", "<nil> true a 2"),
    ("{{ gt (len name) 3 }}", "true"),
    ("{{ slice name 1 3 }}|{{ slice name 2 }}|{{ slice name }}", "od|dinfo|podinfo"),
    ("{{ index name 0 }}", "112"),
    ('{{ print "a" 1 2 "b" 3 }}|{{ print 1 2 true }}', "a1 2b3|1 2 true"),
    ('{{ println "a" 1 }}', "a 1\n"),
    ('{{ html "<a href=\\"x\\">\'&" }}', "&lt;a href=&#34;x&#34;&gt;&#39;&amp;"),
    ('{{ js "it\'s \\"<x>&=\\n" }}', "it\\'s \\\"\\u003Cx\\u003E\\u0026\\u003D\\u000A"),
    ('{{ urlquery "a b&c/d~e+é" }}', "a+b%26c%2Fd~e%2B%C3%A9"),
    # constants
    ("{{ true }} {{ 1 }} {{ 1.5 }} {{ 0x1F }} {{ 'a' }} {{ `raw\\n` }} {{ 1e3 }} {{ 1e6 }} {{ 1000000 }}",
     "true 1 1.5 31 97 raw\\n 1000 1e+06 1000000"),
    ('{{ "\\x41\\u00e9\\t\\101" }}', "Aé\tA"),
]  # fmt: skip

PRINTED = [
    ('"%q" name', '"podinfo"'),
    ('"%q" "a\\"b\\\\c\\nd"', '"a\\"b\\\\c\\nd"'),
    ('"%5s|%-5s|%.3s" "a" "b" "abcdef"', "    a|b    |abc"),
    ('"%05d|%+d|% d|%3d|%-3d|" 42 42 42 -7 -7', "00042|+42| 42| -7|-7 |"),
    ('"%x|%X|%o|%b|%c|%U" 255 255 8 5 65 65', "ff|FF|10|101|A|U+0041"),
    ('"%f|%.2f|%e|%g|%8.3f|%v" 1.5 1.256 12345.678 0.00001 3.14159 1000000.0', "1.500000|1.26|1.234568e+04|1e-05|   3.142|1e+06"),
    ('"%v %v %v %v" 1 "a" true 1.5', "1 a true 1.5"),
    ('"%t|%%|%x" true "hi"', "true|%|6869"),
    ('"%[2]s %[1]s" "a" "b"', "b a"),
]

REFUSED = [
    ("{{ variables.nope }}", "1, column 4", "no entry for key 'nope'"),
    ("a\nb {{ nope }}", "2, column 6", "function 'nope' is not defined"),
    ("{{ .foo }}", "1, column 4", "nil has no field"),
    ("{{ name.foo }}", "1, column 4", "string has no field"),
    ('{{ name "x" }}', "1, column 4", "takes no arguments"),
    ('{{ name | "x" }}', "1, column 11", "cannot take the result"),
    ("{{ 3 4 }}", "1, column 4", "no function"),
    ("{{ nil }}", "1, column 4", "nil is not a command"),
    ('{{ "a""b" }}', "1, column 7", "a space is missing"),
    ("{{ name", "1, column 1", "not closed"),
    ("{{ }}", "1, column 1", "empty"),
    ("{{/* open }}", "1, column 1", "comment is not closed"),
    ("{{ if name }}", "1, column 1", "if has no end"),
    ("{{ end }}", "1, column 1", "unexpected end"),
    ("{{ if name }}a{{ else }}b{{ else }}c{{ end }}", "1, column 26", "a second else"),
    ("{{ if true }}{{ $x := 1 }}{{ end }}{{ $x }}", "1, column 39", "undefined variable $x"),
    ("{{ (name }}", "1, column 4", "parenthesis is not closed"),
    ("{{ name) }}", "1, column 8", "unexpected ')'"),
    ("{{ break }}", "1, column 1", "outside of range"),
    ("{{ range name }}x{{ end }}", "1, column 10", "cannot iterate over string"),
    ('{{ template "none" }}', "1, column 1", "not defined"),
    ('{{ define "a" }}{{ end }}{{ define "a" }}{{ end }}', "1, column 26", "defined twice"),
    ("{{ eq 1 1.0 }}", "1, column 4", "int and float64 cannot be compared"),
    ('{{ eq 1 "1" }}', "1, column 4", "int and string cannot be compared"),
    ("{{ lt true false }}", "1, column 4", "bool has no order"),
    ("{{ len 3 }}", "1, column 4", "len of int"),
    ("{{ not }}", "1, column 4", "not takes 1 arguments, not 0"),
    ("{{ eq name }}", "1, column 4", "eq takes at least 2 arguments"),
    ("{{ and }}", "1, column 4", "at least 1 argument"),
    ("{{ call name }}", "1, column 4", "call needs a function"),
    ("{{ slice name 5 2 }}", "1, column 4", "wrong way round"),
    ("{{ index name 99 }}", "1, column 4", "out of range"),
    ("{{ index variables 1 }}", "1, column 4", "indexed by a text"),
    ('{{ printf "%d" "x" }}', "1, column 4", "%d does not fit"),
    ('{{ printf "%s" }}', "1, column 4", "%s has no value"),
    ('{{ printf "x" 1 }}', "1, column 4", "not used"),
    ('{{ "\\q" }}', "1, column 5", "unknown escape"),
    ('{{ "\\UFFFFFFFF" }}', "1, column 4", "outside Unicode"),
    ("{{ 'ab' }}", "1, column 4", "unexpected"),
    ("{{ 010 }}", "1, column 4", "010 is not a number"),
    ("{{ $y }}", "1, column 4", "undefined variable $y"),
    ("{{ $y = 1 }}", "1, column 4", "undefined variable $y"),
    ("{{ name | }}", "1, column 1", "a value is missing"),
    ("{{ 1.a }}", "1, column 6", "a space is missing"),
    ('{{ "a".b }}', "1, column 4", "unexpected . after a value"),
    ("{{ if name }}{{ else range 3 }}{{ end }}", "1, column 22", "after else"),
    ('{{ if name }}{{ define "a" }}{{ end }}{{ end }}', "1, column 14", "only allowed at the top level"),
    ("{{ define a }}{{ end }}", "1, column 1", "quoted template name is missing"),
    ("{{ eq variables variables }}", "1, column 4", "maps cannot be compared"),
    ("{{ index nil 1 }}", "1, column 4", "cannot index nil"),
    ("{{ index 3 1 }}", "1, column 4", "cannot index int"),
    ("{{ index name name }}", "1, column 4", "a whole number, not string"),
    ("{{ slice variables 1 }}", "1, column 4", "slice takes a text"),
    ("{{ printf 1 }}", "1, column 4", "first argument of printf is a text"),
    ('{{ printf "%" }}', "1, column 4", "ends within a verb"),
    ('{{ printf "%#v" name }}', "1, column 4", "the flag # of %#v is not supported"),
    ("{{ range $i, $n := 3 }}{{ end }}", "1, column 10", "iterated over with one variable"),
    ("{{ name ! }}", "1, column 9", "unexpected '!'"),
]


@pytest.mark.parametrize(("template", "expected"), RENDERED)
def test_template_renders_as_go_does(template, expected):
    assert render(template, VARIABLES) == expected


@pytest.mark.parametrize(("arguments", "expected"), PRINTED)
def test_printf_prints_as_go_does(arguments, expected):
    assert render("{{ printf " + arguments + " }}", VARIABLES) == expected


@pytest.mark.parametrize(("template", "place", "reason"), REFUSED)
def test_unusable_template_is_refused_with_its_place(template, place, reason):
    with pytest.raises(SpecError) as caught:
        render(template, VARIABLES, "spec.analysis.metrics[0].query")
    assert caught.value.problem.path == "spec.analysis.metrics[0].query"
    assert f"line {place}: " in caught.value.problem.problem
    assert reason in caught.value.problem.problem


def test_skipper_query_with_variable_printf_and_trim_marker_renders():
    """The shape of an upstream query (analysis.md section 2.1): a variable, printf and a trim marker."""
    template = (
        '{{- $route := printf "kube(ew)?_%s__%s_canary__.*__%s_canary(_[0-9]+)?" namespace ingress service }}\n'
        'sum(rate(skipper{route=~"{{ $route }}"}[{{ interval }}]))'
    )
    variables = {"namespace": "skipper", "ingress": "skipper_ingress", "service": "backend", "interval": "1m"}
    wanted = '\nsum(rate(skipper{route=~"kube(ew)?_skipper__skipper_ingress_canary__.*__backend_canary(_[0-9]+)?"}[1m]))'
    assert render(template, variables) == wanted


def test_and_and_or_do_not_evaluate_what_cannot_matter():
    assert render("{{ or name variables.nope }}{{ and variables.empty variables.nope }}", VARIABLES) == "podinfo"


@pytest.mark.parametrize(
    "template",
    [
        "{{ range 999999999 }}x{{ end }}",
        '{{ $x := "aaaaaaaa" }}{{ range 60 }}{{ $x = print $x $x }}{{ end }}',
        '{{ printf "%99999999d" 1 }}',
        '{{ define "a" }}{{ template "a" }}{{ end }}{{ template "a" }}',
        "{{ if true }}" * 200 + "{{ end }}" * 200,
        "{{ " + "(" * 5000 + "name" + ")" * 5000 + " }}",
    ],
)
def test_greedy_template_is_stopped(template):
    """A template can harm nothing but its own query (design.md section 12)."""
    with pytest.raises(SpecError):
        render(template, VARIABLES)


def test_variables_are_not_changed():
    variables = {"name": "a", "variables": {"k": "v"}}
    render("{{ $x := variables }}{{ $x = name }}{{ $x }}", variables)
    assert variables == {"name": "a", "variables": {"k": "v"}}


def test_check_finds_syntax_and_names_without_values():
    check_query('{{ variables.anything }} {{ route | printf "%s" }}')
    with pytest.raises(SpecError, match="function 'pattern' is not defined"):
        check_query("{{ pattern }}", "spec.analysis.metrics[1].query")
    with pytest.raises(SpecError, match=r"^spec.analysis.metrics\[1\].query is not a usable template"):
        check_query("{{ if name }}", "spec.analysis.metrics[1].query")


def test_every_named_function_is_carried_out():
    assert set(GO_FUNCTIONS) == {*BUILTINS, "and", "or"}
    assert set(QUERY_VARIABLES) == set(VARIABLES)


PIECES = [
    "{{",
    "}}",
    "{{- ",
    " -}}",
    " ",
    "\n",
    "/*",
    "*/",
    "(",
    ")",
    "|",
    ":=",
    "$x",
    ".",
    ".key",
    '"a"',
    '"%s"',
    "'",
    "1",
    "2.5",
]
WORDS = ["name", "variables", "if", "else", "end", "range", "with", "define", "break", "eq", "len", "index", "printf", "nil"]


@given(st.lists(st.sampled_from(PIECES + WORDS), max_size=14))
def test_any_text_renders_or_is_refused(pieces):
    """Whatever a user writes, there is a text or a SpecError, never another exception."""
    try:
        said = render("".join(pieces), VARIABLES)
    except SpecError as error:
        said = str(error)
    assert isinstance(said, str)
