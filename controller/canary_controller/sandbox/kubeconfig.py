"""The kubeconfig of the embedded cluster: made from an `Access`, written for its owner's eyes only, whole or not at all."""

import base64
import os
import tempfile
from pathlib import Path
from typing import Any

import yaml

from canary_controller.sandbox.http import Access

CONTEXT = "canarykit-sandbox"


def kubeconfig(access: Access, namespace: str = "default", certificate: bool = False) -> dict[str, Any]:
    """Return the content of a kubeconfig with the token, or with the client certificate instead."""
    if certificate:
        user = {
            "client-certificate-data": _base64(access.client.certificate),
            "client-key-data": _base64(access.client.key),
        }
    else:
        user = {"token": access.token}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": CONTEXT, "cluster": {"server": access.url, "certificate-authority-data": _base64(access.ca)}}],
        "users": [{"name": CONTEXT, "user": user}],
        "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": CONTEXT, "namespace": namespace}}],
        "current-context": CONTEXT,
    }


def write_kubeconfig(path: Path, access: Access, namespace: str = "default", certificate: bool = False) -> None:
    """Write the kubeconfig with mode 0600; a reader sees the old file or the new one, never a part of it."""
    text = yaml.safe_dump(kubeconfig(access, namespace, certificate), sort_keys=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # made with mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
