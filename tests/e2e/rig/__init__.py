"""A real control plane on loopback: etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kwok for pods, KEDA.

`binaries` builds what is missing, once, from one wrapper Go module per tool; `pki` makes certificates; `processes` starts and
ends what it started; `cluster` joins them. ``PYTHONPATH=tests python -m e2e.rig up`` gives a person the same cluster.
"""
