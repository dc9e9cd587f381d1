"""The command line of ``canary-controller run``: every flag of Flagger 1.44 in both of Go's spellings, and ours.

A chart or manifest made for Flagger starts this program unchanged: ``-flag=value``, ``-flag value``, ``--flag…``; booleans
alone or with ``=``. Flags are a table; those that do not act yet, or have nothing to act on here, are accepted and marked.
Source: engine.md section 5.5, analysis.md section 6.1.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click
from attrs import field, frozen

from canarykit.errors import SpecError
from canarykit.settings import Settings
from canarykit.spec.durations import seconds

ACTS, LATER, NEVER = "", "accepted, not yet acting", "accepted for compatibility, has nothing to act on here"
SECTIONS = (
    (ACTS, "Options"),
    (LATER, "Flags of features that come later"),
    (NEVER, "Flags with nothing to act on here"),
)
DURATION, NUMBER, PLACES, SWITCH, TEXT = "duration", "number", "host=address:port", "true|false", "text"
TRUE, FALSE = frozenset({"1", "t", "T", "TRUE", "true", "True"}), frozenset({"0", "f", "F", "FALSE", "false", "False"})


@frozen
class Flag:
    """One flag: ``environment`` names a variable that wins over it where Flagger says so."""

    name: str
    default: str
    help: str
    kind: str = TEXT
    acting: str = ACTS
    environment: str = ""

    @property
    def parameter(self) -> str:
        """The name under which its value is handed on."""
        return self.name.replace("-", "_")


FLAGS = (
    Flag("kubeconfig", "", "Path of a kubeconfig file; empty: the cluster this runs in."),
    Flag("master", "", "Base URL of the API server, in place of the kubeconfig's."),
    Flag("metrics-server", "http://prometheus:9090", "Prometheus base URL; a Canary's spec.metricsServer overrides it."),
    Flag("mesh-provider", "istio", "Provider of Canaries that name none, e.g. kubernetes or gatewayapi:v1."),
    Flag("namespace", "", "Watch this namespace only; empty: all."),
    Flag("selector-labels", "app,name,app.kubernetes.io/name", "Labels; the first found in matchLabels tells pods apart."),
    Flag("include-label-prefix", "", "Prefixes of labels and annotations to copy to generated objects; '*' is all."),
    Flag("enable-config-tracking", "true", "Follow the ConfigMaps and Secrets of pod templates.", SWITCH),
    Flag("event-webhook", "", "URL that every Event is posted to.", environment="EVENT_WEBHOOK_URL"),
    Flag("log-level", "debug", "debug, info, warn, error, fatal or panic."),
    Flag("zap-encoding", "json", "Form of log lines: json or console."),
    Flag("port", "8080", "Port of /metrics, /healthz and /readyz.", NUMBER),
    Flag("min-interval", "10s", "Analysis intervals below this are raised to it. Not in Flagger.", DURATION),
    Flag("drain-time", "10s", "Time between the last request to a side and its scale-down. Not in Flagger.", DURATION),
    Flag("resolve", "", "Where to reach a host of hooks or metrics; '*' is any other; may be repeated. Not in Flagger.", PLACES),
    Flag("version", "false", "Print the version and exit.", SWITCH),
    Flag("slack-url", "", "Slack hook URL.", acting=LATER, environment="SLACK_URL"),
    Flag("slack-token", "", "Slack bot token.", acting=LATER, environment="SLACK_TOKEN"),
    Flag("slack-proxy-url", "", "Proxy for Slack.", acting=LATER, environment="SLACK_PROXY_URL"),
    Flag("slack-user", "flagger", "Slack user.", acting=LATER),
    Flag("slack-channel", "", "Slack channel.", acting=LATER),
    Flag("msteams-url", "", "Teams hook URL.", acting=LATER, environment="MSTEAMS_URL"),
    Flag("msteams-proxy-url", "", "Proxy for Teams.", acting=LATER, environment="MSTEAMS_PROXY_URL"),
    Flag("cluster-name", "", "Shown in alerts.", acting=LATER),
    Flag("ingress-annotations-prefix", "nginx.ingress.kubernetes.io", "Prefix of ingress annotations.", acting=LATER),
    Flag("ingress-class", "", "Class of generated HTTPProxy objects.", acting=LATER),
    Flag("enable-leader-election", "false", "Act only while holding the Lease flagger-leader-election.", SWITCH, LATER),
    Flag("leader-election-namespace", "kube-system", "Namespace of that Lease.", acting=LATER),
    Flag("no-cross-namespace-refs", "false", "Refuse references to other namespaces.", SWITCH, LATER),
    Flag("kubeconfig-service-mesh", "", "Cluster of the routing objects, if it is another.", acting=LATER),
    Flag("kubeconfig-qps", "100", "Requests per second to the API server.", NUMBER, LATER),
    Flag("kubeconfig-burst", "250", "Requests at once to the API server.", NUMBER, LATER),
    Flag("control-loop-interval", "10s", "Nothing waits for a loop: events bring passes at once.", DURATION, NEVER),
    Flag("threadiness", "2", "There are no threads.", NUMBER, NEVER),
    Flag("zap-replace-globals", "false", "There is one logger.", SWITCH, NEVER),
)

# klog's own flags, which Flagger registers too. All are accepted and hidden.
KLOG = tuple(
    Flag(name, default, "", kind, NEVER)
    for name, default, kind in (
        ("v", "0", TEXT),
        ("vmodule", "", TEXT),
        ("logtostderr", "true", SWITCH),
        ("alsologtostderr", "false", SWITCH),
        ("stderrthreshold", "2", TEXT),
        ("log_dir", "", TEXT),
        ("log_file", "", TEXT),
        ("log_file_max_size", "1800", TEXT),
        ("log_backtrace_at", ":0", TEXT),
        ("skip_headers", "false", SWITCH),
        ("skip_log_headers", "false", SWITCH),
        ("add_dir_header", "false", SWITCH),
        ("one_output", "false", SWITCH),
    )
)
_BY_NAME = {flag.name: flag for flag in (*FLAGS, *KLOG)}


@frozen
class Options:
    """What the command line asks for.

    Attributes:
        kubeconfig, master: of the cluster; both empty inside one.
        namespace: the one to watch; "" is all.
        resolve: pairs of a host and the (address, port) to connect to in its place.
        not_acting: names of the flags and variables that were given and do not act, for one warning at start.
    """

    settings: Settings = field(factory=Settings)
    kubeconfig: str = ""
    master: str = ""
    namespace: str = ""
    event_webhook: str = ""
    log_level: str = "debug"
    zap_encoding: str = "json"
    port: int = 8080
    resolve: tuple[tuple[str, tuple[str, int]], ...] = ()
    not_acting: tuple[str, ...] = ()


def run_command(
    start: Callable[[Options], int | None], version: str, environment: Mapping[str, str] | None = None
) -> click.Command:
    """Return the command ``run``, which calls ``start`` and exits with what it returns (None is 0)."""

    def run(**values: Any) -> None:
        if values["version"]:
            click.echo(f"canary-controller version {version}, a drop-in for Flagger 1.44")
            return
        context = click.get_current_context()
        given = [name for name in values if context.get_parameter_source(name) == click.core.ParameterSource.COMMANDLINE]
        variables = os.environ if environment is None else environment
        context.exit(start(options_of(values, given, variables)) or 0)

    return _GoCommand(
        "run",
        callback=run,
        params=[_option(flag) for flag in _BY_NAME.values()],
        short_help="Run the controller in or against a cluster.",
        help="Run the controller in or against a cluster. Flags may be written with one dash or two.",
        epilog=f"klog's flags ({', '.join(flag.name for flag in KLOG)}) are accepted and do nothing.",
    )


def options_of(values: Mapping[str, Any], given: Sequence[str], environment: Mapping[str, str]) -> Options:
    """Return the options that parsed ``values`` (by parameter name) and the environment ask for.

    Args:
        values: one for every flag.
        given: parameter names of the flags that were on the command line.
        environment: variables; a non-empty one wins over its flag.
    """
    won = {flag.parameter: environment[flag.environment] for flag in FLAGS if environment.get(flag.environment)}
    values = {**values, **won}
    spoken = {*given, *won}
    return Options(
        settings=Settings(
            mesh_provider=values["mesh_provider"],
            metrics_server=values["metrics_server"],
            selector_labels=_listed(values["selector_labels"]),
            include_label_prefixes=_listed(values["include_label_prefix"]),
            config_tracking=values["enable_config_tracking"],
            min_interval_s=values["min_interval"],
            drain_time_s=values["drain_time"],
        ),
        kubeconfig=values["kubeconfig"],
        master=values["master"],
        namespace=values["namespace"],
        event_webhook=values["event_webhook"],
        log_level=values["log_level"],
        zap_encoding=values["zap_encoding"],
        port=values["port"],
        resolve=tuple(place for places in values["resolve"] for place in places),
        not_acting=tuple(flag.name for flag in FLAGS if flag.acting == LATER and flag.parameter in spoken),
    )


def go_spelling(arguments: Sequence[str]) -> list[str]:
    """Return Go-style arguments as click reads them: ``--flag=value`` for every known flag, booleans included.

    An unknown flag stays, with two dashes, for click to refuse. After ``--`` or a bare word nothing is a flag.
    """
    spelled: list[str] = []
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-") or word in ("-", "--"):
            return [*spelled, word, *rest]
        name, equals, value = word.removeprefix("-").removeprefix("-").partition("=")
        flag = _BY_NAME.get(name)
        if name in ("h", "help"):
            spelled.append("--help")
        elif equals or flag is None:
            spelled.append(f"--{name}{equals}{value}")
        elif flag.kind == SWITCH:
            spelled.append(f"--{name}=true")
        elif rest:
            spelled.append(f"--{name}={rest.pop(0)}")
        else:
            spelled.append(f"--{name}")
    return spelled


class _GoCommand(click.Command):
    """A command whose arguments may be spelled as Go programs take them."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, go_spelling(args))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List what acts first, then what is accepted only."""
        for acting, heading in SECTIONS:
            shown = (option for option in self.get_params(ctx) if _acting(option) == acting)
            rows = [row for option in shown if (row := option.get_help_record(ctx)) is not None]
            with formatter.section(heading):
                formatter.write_dl(rows)


def _acting(option: click.Parameter) -> str:
    flag = next((flag for flag in _BY_NAME.values() if flag.parameter == option.name), None)
    return flag.acting if flag else ACTS


def _switch(value: str | bool) -> bool:
    if isinstance(value, bool):
        return value
    if value not in TRUE | FALSE:
        raise click.BadParameter(f"{value!r} is neither true nor false.")
    return value in TRUE


def _duration(value: str | float) -> float:
    if isinstance(value, float):
        return value
    try:
        found = seconds(value)
    except SpecError as error:
        raise click.BadParameter(str(error)) from error
    if found < 0:
        raise click.BadParameter(f"{value!r} is negative.")
    return found


def _places(value: str | tuple[Any, ...]) -> tuple[tuple[str, tuple[str, int]], ...]:
    if isinstance(value, tuple):
        return value
    found = []
    for part in _listed(value):
        host, _, place = part.partition("=")
        address, _, port = place.rpartition(":")
        if not (host and address and port.isdecimal() and 0 < int(port) < 65536):
            raise click.BadParameter(f"{part!r} is not of the form host=address:port.")
        found.append((host, (address.strip("[]"), int(port))))
    return tuple(found)


_TYPES: dict[str, Callable[[Any], Any]] = {DURATION: _duration, NUMBER: int, PLACES: _places, SWITCH: _switch, TEXT: str}


def _option(flag: Flag) -> click.Option:
    wins = f" The variable {flag.environment} wins over it." if flag.environment else ""
    mark = f" ({flag.acting})" if flag.acting else ""
    return click.Option(
        [f"--{flag.name}", flag.parameter],
        default=None if flag.kind == PLACES else flag.default,
        multiple=flag.kind == PLACES,
        type=_TYPES[flag.kind],
        metavar=flag.kind.upper(),
        show_default=bool(flag.default),
        hidden=flag in KLOG,
        help=f"{flag.help}{wins}{mark}",
    )


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
