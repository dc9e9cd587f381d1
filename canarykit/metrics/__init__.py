"""Side room: what the metrics servers are asked, and how their answers are judged. No I/O: generators yield the requests.

`builtin` holds the queries per provider, `prometheus` the requests and answers of its API, `escape` keeps values inside PromQL
texts, `evaluate` joins them into checks. Import from those modules.
"""
