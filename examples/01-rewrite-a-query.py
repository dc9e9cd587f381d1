"""Rewrite an autoscaling query so that it asks for the primary. Run: python examples/01-rewrite-a-query.py"""

from canarykit import Identities, rewrite_query

query = 'sum(rate(orders_created_total{namespace="orders",app="orders"}[1m]))'
found = rewrite_query("prometheus", "query", query, Identities("orders"), "orders", "app")
print(found.text)
assert found.text == 'sum(rate(orders_created_total{namespace="orders",app="orders-primary"}[1m]))'
