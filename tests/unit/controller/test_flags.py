"""A command line made for Flagger starts this program unchanged."""

from collections.abc import Mapping

import pytest
from click.testing import CliRunner, Result

from canary_controller.flags import FLAGS, LATER, NEVER, Options, go_spelling, run_command
from canarykit.settings import Settings


def run(*arguments: str, environment: Mapping[str, str] | None = None, code: int | None = 0) -> tuple[Result, Options]:
    started: list[Options] = []

    def start(options: Options) -> int | None:
        started.append(options)
        return code

    result = CliRunner().invoke(run_command(start, "0.1.0", environment or {}), list(arguments))
    return result, started[0] if started else Options()


def options(*arguments: str, **environment: str) -> Options:
    result, found = run(*arguments, environment=environment)
    assert result.exit_code == 0, result.output
    return found


def test_the_defaults_are_flaggers():
    assert options() == Options(
        settings=Settings(
            mesh_provider="istio",
            metrics_server="http://prometheus:9090",
            selector_labels=("app", "name", "app.kubernetes.io/name"),
            include_label_prefixes=(),
            config_tracking=True,
            min_interval_s=10.0,
            drain_time_s=10.0,
        ),
        log_level="debug",
        zap_encoding="json",
        port=8080,
    )


@pytest.mark.parametrize(
    "spelling",
    [
        ["-mesh-provider=kubernetes"],
        ["-mesh-provider", "kubernetes"],
        ["--mesh-provider=kubernetes"],
        ["--mesh-provider", "kubernetes"],
        ["-mesh-provider=istio", "--mesh-provider", "kubernetes"],
    ],
)
def test_one_dash_or_two_with_or_without_equals_sign(spelling: list[str]):
    assert options(*spelling).settings.mesh_provider == "kubernetes"


@pytest.mark.parametrize(
    ("spelling", "tracked"),
    [
        (["-enable-config-tracking=false"], False),
        (["--enable-config-tracking=F"], False),
        (["-enable-config-tracking=0"], False),
        (["-enable-config-tracking"], True),
        (["-enable-config-tracking=false", "-enable-config-tracking"], True),
        (["-enable-config-tracking=TRUE", "-port", "1"], True),
    ],
)
def test_booleans_are_written_as_go_takes_them(spelling: list[str], tracked: bool):
    assert options(*spelling).settings.config_tracking is tracked


def test_a_boolean_does_not_swallow_the_next_word():
    result, _ = run("-enable-config-tracking", "false")
    assert result.exit_code == 2
    assert "unexpected extra argument" in result.output


def test_a_value_may_begin_with_a_dash_and_hold_equals_signs():
    found = options("-namespace", "-odd", "-metrics-server=http://p:9090/?a=b")
    assert found.namespace == "-odd"
    assert found.settings.metrics_server == "http://p:9090/?a=b"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["-no-such-flag"], "No such option '--no-such-flag'"),
        (["-port=many"], "'many' is not a valid integer"),
        (["-enable-config-tracking=maybe"], "'maybe' is neither true nor false"),
        (["-min-interval=5x"], "is not a duration (found '5x')"),
        (["-drain-time=-3s"], "'-3s' is negative"),
        (["--resolve=gate.test"], "'gate.test' is not of the form host=address:port"),
        (["--resolve=gate.test=127.0.0.1:0"], "is not of the form host=address:port"),
        (["-namespace"], "requires an argument"),
    ],
)
def test_a_wrong_command_line_ends_with_status_2_and_says_why(arguments: list[str], complaint: str):
    result, _ = run(*arguments)
    assert result.exit_code == 2
    assert complaint.lower() in " ".join(result.output.lower().split()), result.output


def test_lists_durations_and_our_own_flags_are_read():
    found = options("-selector-labels=a, b,", "-include-label-prefix=x/,*", "--min-interval", "1s", "--drain-time=1m30s")
    assert found.settings.selector_labels == ("a", "b")
    assert found.settings.include_label_prefixes == ("x/", "*")
    assert (found.settings.min_interval_s, found.settings.drain_time_s) == (1.0, 90.0)


def test_hosts_may_be_sent_elsewhere():
    found = options("--resolve", "loadtester.test=127.0.0.1:8080, prometheus=[::1]:9090")
    assert found.resolve == (("loadtester.test", ("127.0.0.1", 8080)), ("prometheus", ("::1", 9090)))


def test_a_variable_wins_over_its_flag_unless_it_is_empty():
    assert options("-event-webhook=http://flag", EVENT_WEBHOOK_URL="http://variable").event_webhook == "http://variable"
    assert options("-event-webhook=http://flag", EVENT_WEBHOOK_URL="").event_webhook == "http://flag"


def test_other_flags_do_not_listen_to_the_environment():
    found = options(NAMESPACE="prod", RUN_NAMESPACE="prod", KUBECONFIG="/somewhere")
    assert (found.namespace, found.kubeconfig) == ("", "")


def test_what_was_asked_for_and_does_not_act_is_named():
    found = options("-enable-leader-election=true", "-threadiness=4", "-port=1", SLACK_URL="http://slack")
    assert found.not_acting == ("slack-url", "enable-leader-election")


def test_every_flag_of_flagger_is_accepted_with_a_value_of_its_kind():
    values = {"duration": "7s", "number": "7", "true|false": "true", "text": "some"}
    flaggers = [flag for flag in FLAGS if flag.name not in ("version", "min-interval", "drain-time", "resolve")]
    named = [f"-{flag.name}={values[flag.kind]}" for flag in flaggers]
    assert len(named) == 31
    assert options(*named).port == 7


def test_klogs_flags_are_accepted():
    assert options("-v=4", "-logtostderr", "-log_dir", "/tmp/x", "-vmodule=a=2", "-stderrthreshold=INFO").not_acting == ()


def test_version_is_printed_and_nothing_starts():
    result, _ = run("-version", code=7)
    assert result.exit_code == 0
    assert result.output == "canary-controller version 0.1.0, a drop-in for Flagger 1.44\n"
    assert run("-version=false", code=7)[0].exit_code == 7


@pytest.mark.parametrize("ask", ["-h", "--help", "-help"])
def test_help_marks_what_does_not_act(ask: str):
    result, _ = run(ask)
    assert result.exit_code == 0
    text = " ".join(result.output.split())
    for flag in FLAGS:
        section = text[text.index(f"--{flag.name} ") + 2 :].partition(" --")[0]
        assert (LATER in section) == (flag.acting == LATER), flag.name
        assert (NEVER in section) == (flag.acting == NEVER), flag.name


def test_the_exit_code_is_what_the_controller_returned():
    assert run(code=None)[0].exit_code == 0
    assert run(code=78)[0].exit_code == 78


def test_after_a_bare_word_nothing_is_a_flag():
    assert go_spelling(["-port=1", "word", "-namespace", "x"]) == ["--port=1", "word", "-namespace", "x"]
    assert go_spelling(["--", "-port"]) == ["--", "-port"]
