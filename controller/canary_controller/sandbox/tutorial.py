"""The tutorial's objects, as `demo` applies them: target, ScaledObject and Canary of ``podinfo`` in namespace ``test``.

The YAML beside this module is the tutorial's, word for word, but for the Deployment, which the tutorial only links to.
"""

from importlib.resources import files
from typing import Any

import yaml

BAD_IMAGE = ":6.0.2"


def tutorial() -> list[dict[str, Any]]:
    """Return the tutorial's manifests: Namespace, Deployment, ScaledObject, Canary, in the order in which it applies them."""
    text = files("canary_controller.sandbox").joinpath("tutorial.yaml").read_text()
    return [document for document in yaml.safe_load_all(text) if document]
