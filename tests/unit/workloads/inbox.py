"""The Deployment of example G6 (cloning.md section 6) and what belongs to it, as fresh objects."""

from typing import Any

import yaml

from canarykit.names import names_for

NAMES = names_for("mail", "inbox", "inbox")
TRACKED = ("configmap/inbox-env", "configmap/inbox-files", "secret/inbox-db", "secret/inbox-tls")
OWNER = {"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "name": "inbox", "uid": "u6", "controller": True}

TARGET = """
apiVersion: apps/v1
kind: Deployment
metadata:
  name: inbox
  namespace: mail
  generation: 1
  labels: {app.kubernetes.io/part-of: suite, helm.sh/chart: inbox-1.2.3, kustomize.toolkit.fluxcd.io/name: apps}
  annotations:
    owner.example/team: core
    kustomize.toolkit.fluxcd.io/checksum: f00
    app.kubernetes.io/note: n1
    deployment.kubernetes.io/revision: "3"
    canarykit.dev/applied: mark
    kubectl.kubernetes.io/last-applied-configuration: "{}"
spec:
  replicas: 3
  paused: true
  progressDeadlineSeconds: 90
  minReadySeconds: 5
  revisionHistoryLimit: 4
  strategy: {type: RollingUpdate, rollingUpdate: {maxUnavailable: 0}}
  selector: {matchLabels: {app: inbox, tier: api}}
  template:
    metadata:
      labels: {app: inbox, tier: api, helm.toolkit.fluxcd.io/name: apps}
      annotations: {scrape: "true", flagger-id: old}
    spec:
      serviceAccountName: inbox
      imagePullSecrets: [{name: registry}]
      initContainers:
      - {name: migrate, image: "inbox:1", env: [{name: DSN, valueFrom: {secretKeyRef: {name: inbox-db, key: dsn}}}]}
      containers:
      - name: inbox
        image: inbox:1
        env: [{name: MODE, valueFrom: {configMapKeyRef: {name: inbox-env, key: mode}}}, {name: PEER, value: inbox}]
        envFrom: [{configMapRef: {name: inbox-common}}, {secretRef: {name: inbox-extra, optional: true}}]
      volumes:
      - {name: cfg, configMap: {name: inbox-files}}
      - {name: tls, secret: {secretName: inbox-tls}}
      - name: mix
        projected:
          sources:
          - {configMap: {name: inbox-files, items: [{key: a, path: a}]}}
          - {secret: {name: inbox-tls}}
          - {serviceAccountToken: {path: tok}}
      - {name: vault, csi: {driver: secrets-store.csi.k8s.io, nodePublishSecretRef: {name: inbox-vault}}}
      affinity:
        podAntiAffinity:
          preferredDuringSchedulingIgnoredDuringExecution:
          - weight: 1
            podAffinityTerm:
              topologyKey: zone
              labelSelector: {matchExpressions: [{key: app, operator: In, values: [inbox, other]}]}
        podAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
          - {topologyKey: zone, labelSelector: {matchLabels: {app: inbox}}}
      topologySpreadConstraints:
      - maxSkew: 1
        topologyKey: host
        whenUnsatisfiable: ScheduleAnyway
        labelSelector: {matchLabels: {app: inbox, tier: api}}
"""

PRIMARY_POD_SPEC = """
serviceAccountName: inbox
imagePullSecrets: [{name: registry}]
initContainers:
- {name: migrate, image: "inbox:1", env: [{name: DSN, valueFrom: {secretKeyRef: {name: inbox-db-primary, key: dsn}}}]}
containers:
- name: inbox
  image: inbox:1
  env: [{name: MODE, valueFrom: {configMapKeyRef: {name: inbox-env-primary, key: mode}}}, {name: PEER, value: inbox}]
  envFrom: [{configMapRef: {name: inbox-common}}, {secretRef: {name: inbox-extra, optional: true}}]
volumes:
- {name: cfg, configMap: {name: inbox-files-primary}}
- {name: tls, secret: {secretName: inbox-tls-primary}}
- name: mix
  projected:
    sources:
    - {configMap: {name: inbox-files-primary, items: [{key: a, path: a}]}}
    - {secret: {name: inbox-tls-primary}}
    - {serviceAccountToken: {path: tok}}
- {name: vault, csi: {driver: secrets-store.csi.k8s.io, nodePublishSecretRef: {name: inbox-vault}}}
affinity:
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
    - weight: 1
      podAffinityTerm:
        topologyKey: zone
        labelSelector: {matchExpressions: [{key: app, operator: In, values: [inbox-primary, other]}]}
  podAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
    - {topologyKey: zone, labelSelector: {matchLabels: {app: inbox-primary}}}
topologySpreadConstraints:
- maxSkew: 1
  topologyKey: host
  whenUnsatisfiable: ScheduleAnyway
  labelSelector: {matchLabels: {app: inbox-primary, tier: api}}
"""


def a_target() -> dict[str, Any]:
    return yaml.safe_load(TARGET)


def a_primary_pod_spec() -> dict[str, Any]:
    return yaml.safe_load(PRIMARY_POD_SPEC)


def a_deployment(wanted: int | None, total: int = 0, updated: int = 0, available: int = 0, **more: Any) -> dict[str, Any]:
    """A Deployment with counts in its status; ``more``: generation, observed, ready, conditions."""
    status = {
        "observedGeneration": more.get("observed", 1),
        "replicas": total,
        "updatedReplicas": updated,
        "availableReplicas": available,
        "readyReplicas": more.get("ready", available),
        "conditions": more.get("conditions", []),
    }
    spec = {} if wanted is None else {"replicas": wanted}
    return {"metadata": {"name": "web", "generation": more.get("generation", 1)}, "spec": spec, "status": status}
