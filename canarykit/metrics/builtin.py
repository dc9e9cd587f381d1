"""The builtin metrics as data: one query per provider and metric, as a template. A further provider is further lines here.

Facts of the series: analysis.md sections 1.2 and 1.4. Templates have the variables of user queries, and ``pattern``, whose
members are the same names made safe for regular expressions.
"""

SUCCESS_RATE = "request-success-rate"
DURATION = "request-duration"

# Metrics that applications export themselves, for data planes that know nothing of requests.
_POD = 'kubernetes_namespace="{{ namespace }}",kubernetes_pod_name=~"{{ pattern.target }}-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)"'
_COUNT = "http_request_duration_seconds_count"
_APPLICATION = {
    DURATION: "histogram_quantile(0.99, sum(rate(http_request_duration_seconds_bucket{" + _POD + "}[{{ interval }}])) by (le))",
    SUCCESS_RATE: (
        "sum(rate(" + _COUNT + "{" + _POD + ',status!~"5.*"}[{{ interval }}]))'
        " / sum(rate(" + _COUNT + "{" + _POD + "}[{{ interval }}])) * 100"
    ),
}

QUERIES: dict[str, dict[str, str]] = {
    "gatewayapi:v1": _APPLICATION,
    "kubernetes": _APPLICATION,
}

# What one unit of the duration query's result is in milliseconds. Success rates are percent everywhere.
DURATION_UNIT_MS: dict[str, float] = {
    "gatewayapi:v1": 1000.0,
    "kubernetes": 1000.0,
}
