"""The KEDA trigger types, as data: which metadata of a trigger says whose load is measured, and how that text is written.

Three groups. *Monitoring* systems label what they measure with pod, workload or Service names. *Data* stores are asked about
application data, which canary and primary usually share. *Work* is everything else: queues, schedules and the like, whose
identity is the work itself and must not change. Nothing is rewritten here.

Source: cloning.md section 4.8 (KEDA's scaler builder and its schema, 79 types).
"""

from collections.abc import Mapping

from attrs import field, frozen

from canarykit.queries.quoted import Dialect

# Lexical classes (cloning.md section 4.6); QUOTED and JSON differ by the dialect of the type.
QUOTED, WORDS, TAGS, PATH, SELECTOR, URL, MEMBERS, PARAMETERS, FIELDS, VALUE = "Q", "Q=", "T", "P", "S", "U", "D", "J", "F", "V"

MONITORING, DATA, WORK = "monitoring", "data", "work"

# What becomes of a trigger that nobody names: its query is rewritten, it changes only when told to, or never.
REWRITE, EXPLICIT, NEVER = "R", "E", "N"


@frozen
class TriggerType:
    """What we know of one trigger type.

    Attributes:
        name: the ``type`` of the trigger.
        group: MONITORING, DATA or WORK.
        rewritten: metadata key to lexical class, of the keys that are rewritten by default; one that ends in a dot is a prefix.
        explicit: keys that a value of ``primaryScalerQueries`` may replace; the first one present wins, else the first.
        told: keys that may name the application but change only when told to; a mention in them is reported.
        dialect: how its query language writes literals.
    """

    name: str
    group: str
    rewritten: Mapping[str, str] = field(factory=dict)
    explicit: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    dialect: Dialect = field(factory=Dialect)

    @property
    def action(self) -> str:
        """REWRITE, EXPLICIT or NEVER: the default for a trigger that no explicit query names."""
        if self.rewritten:
            return REWRITE
        return EXPLICIT if self.explicit or self.told else NEVER

    def lexical_class(self, key: str) -> str:
        """Return the class by which ``key`` is rewritten, or "" when it is not."""
        if key in self.rewritten:
            return self.rewritten[key]
        return next((kind for prefix, kind in self.rewritten.items() if prefix.endswith(".") and key.startswith(prefix)), "")

    def explicit_key(self, metadata: Mapping[str, str]) -> str:
        """Return the key of ``metadata`` that an explicit query replaces, or "" when this type has no query."""
        if self.name == "sumologic" and "query" not in metadata:
            row = f"query.{metadata.get('resultQueryRowID', '')}"
            return row if row in metadata else next((key for key in sorted(metadata) if key.startswith("query.")), "query")
        return next((key for key in self.explicit if key in metadata), self.explicit[0] if self.explicit else "")


_PROM = Dialect(comments=("#",), selectors=True)
_JSON = Dialect(quotes='"', json=True)
_KQL = Dialect(quotes="\"'", comments=("//",))
_SQL_COMMENTS = ("--", "/*")
_STANDARD_SQL = Dialect(quotes="'", comments=_SQL_COMMENTS)  # "…" quotes tables and columns
_MYSQL = Dialect(quotes="\"'", comments=_SQL_COMMENTS)  # `…` quotes tables and columns
_AQL = Dialect(quotes="\"'", comments=("//", "/*"))
# InfluxQL and SQL quote identifiers with "…", Flux quotes text with it; `canarykit.queries` tells them apart by SELECT.
INFLUX_SQL = _STANDARD_SQL


def _query(name: str, dialect: Dialect, group: str = MONITORING, key: str = "query", told: tuple[str, ...] = ()) -> TriggerType:
    return TriggerType(name, group, {key: QUOTED}, (key,), told, dialect)


def _search(name: str) -> TriggerType:
    """Elasticsearch and OpenSearch: a JSON query, or a stored template with parameters."""
    rewritten = {"query": QUOTED, "parameters": PARAMETERS}
    return TriggerType(
        name, MONITORING, rewritten, ("query", "searchTemplateName"), ("searchTemplateName", "index", "valueLocation"), _JSON
    )


_MONITORING = (
    _query("prometheus", _PROM, told=("queryParameters", "customHeaders")),
    _query("predictkube", _PROM),
    _query("loki", _PROM),
    TriggerType("graphite", MONITORING, {"query": PATH}, ("query",)),
    _query("influxdb", Dialect(quotes='"', comments=("//",))),
    TriggerType(
        "datadog", MONITORING, {"query": TAGS}, ("query", "datadogMetricName"), ("datadogMetricName", "datadogMetricNamespace")
    ),
    TriggerType(
        "dynatrace",
        MONITORING,
        {"query": QUOTED, "metricSelector": QUOTED},
        ("query", "metricSelector"),
        dialect=Dialect(quotes="\"'", comments=("//",), label_first=True),
    ),
    _query("new-relic", Dialect(quotes="\"'", comments=_SQL_COMMENTS), key="nrql"),
    _query("splunk-observability", Dialect(quotes="\"'", comments=("#",), label_first=True)),
    TriggerType("splunk", MONITORING, {}, ("savedSearchName",), ("savedSearchName", "valueField")),
    TriggerType("sumologic", MONITORING, {"query": WORDS, "query.": WORDS}, ("query",), dialect=Dialect(quotes='"')),
    _query("solarwinds", Dialect(), key="filter", told=("metricName",)),
    _search("elasticsearch"),
    _search("opensearch"),
    TriggerType("elastic-forecast", MONITORING, {"partitionFieldValue": VALUE, "byFieldValue": VALUE}, (), ("jobID", "index")),
    _query("azure-log-analytics", _KQL),
    _query("azure-data-explorer", _KQL),
    _query("azure-monitor", Dialect(quotes="'"), key="metricFilter", told=("resourceURI", "metricName")),
    _query("azure-app-insights", Dialect(quotes="'"), key="metricFilter", told=("metricId",)),
    TriggerType(
        "aws-cloudwatch",
        MONITORING,
        {"expression": QUOTED, "dimensionValue": MEMBERS},
        ("expression", "dimensionValue"),
        ("metricName",),
    ),
    TriggerType("huawei-cloudeye", MONITORING, {"dimensionValue": MEMBERS}, ("dimensionValue",)),
    _query("gcp-stackdriver", Dialect(comments=("--",)), key="filter"),
    TriggerType("metrics-api", MONITORING, {"url": URL}, ("url",), ("valueLocation",)),
    TriggerType("kubernetes-workload", MONITORING, {"podSelector": SELECTOR}, ("podSelector",)),
    TriggerType("kubernetes-resource", MONITORING, {}, (), ("resourceName", "key", "valueLocation")),
)

_DATA = (
    _query("mysql", _MYSQL, DATA),
    _query("postgresql", _STANDARD_SQL, DATA),
    _query("mssql", _STANDARD_SQL, DATA),
    _query("clickhouse", _STANDARD_SQL, DATA),
    _query("cassandra", _STANDARD_SQL, DATA),
    _query("gcp-spanner", _MYSQL, DATA),
    _query("arangodb", _AQL, DATA),
    _query("mongodb", _JSON, DATA),
    _query("couchdb", _JSON, DATA),
    TriggerType("solr", DATA, {"query": FIELDS}, ("query",)),
    TriggerType(
        "aws-dynamodb",
        DATA,
        {},
        ("expressionAttributeValues",),
        ("keyConditionExpression", "filterExpression", "expressionAttributeNames", "expressionAttributeValues"),
    ),
    TriggerType("etcd", DATA, {}, ("watchKey",), ("watchKey",)),
)

_UNTOUCHED = (
    "activemq", "apache-kafka", "artemis-queue", "aws-dynamodb-streams", "aws-kinesis-stream", "aws-sqs-queue", "azure-blob",
    "azure-eventhub", "azure-pipelines", "azure-queue", "azure-servicebus", "beanstalkd", "cpu", "cron", "forgejo-runner",
    "gcp-cloudtasks", "gcp-pubsub", "gcp-storage", "github-runner", "ibmmq", "kafka", "liiklus", "memory", "nats-jetstream",
    "nsq", "openstack-metric", "openstack-swift", "pulsar", "rabbitmq", "redis", "redis-cluster", "redis-cluster-streams",
    "redis-sentinel", "redis-sentinel-streams", "redis-streams", "selenium-grid", "solace-event-queue",
)  # fmt: skip
_WORK = (
    *(TriggerType(name, WORK) for name in _UNTOUCHED),
    TriggerType("external", WORK, told=("scalerAddress",)),
    TriggerType("external-mock", WORK, told=("scalerAddress",)),
    TriggerType("external-push", WORK, told=("scalerAddress",)),
    TriggerType("solace-direct-messaging", WORK, told=("clientNamePattern",)),
    TriggerType("temporal", WORK, told=("workerDeploymentName",)),
)

TRIGGER_TYPES: Mapping[str, TriggerType] = {
    each.name: each for each in sorted(_MONITORING + _DATA + _WORK, key=lambda each: each.name)
}


def type_of(name: str) -> TriggerType:
    """Return what is known of trigger type ``name``; of an unknown one, only its ``query`` counts."""
    return TRIGGER_TYPES.get(name) or TriggerType(name, MONITORING, {"query": QUOTED}, ("query",))
