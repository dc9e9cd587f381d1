"""Names, labels, annotations, owners and finalizers: what every object's metadata must obey, in Kubernetes' words."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from canary_controller.sandbox.objects.causes import Cause, invalid, required, too_long
from canarykit.dicts import at

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_LABEL_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_NAME_PART = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_LABEL_VALUE = "(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?"
_ANNOTATIONS_BYTES_MAX = 256 * 1024
_IMMUTABLE = "field is immutable"


def _rule(pattern: str, limit: int, text: str, *examples: str) -> Callable[[str], list[str]]:
    """Return a check of a text: what is wrong with it, each as a clause."""
    regex = re.compile(pattern)
    shown = " (e.g. " + ",  or ".join(f"'{example}'" for example in examples) + f", regex used for validation is '{pattern}')"

    def problems(value: str) -> list[str]:
        found = [f"must be no more than {limit} bytes"] if len(value.encode()) > limit else []
        return found if regex.fullmatch(value) else [*found, text + shown]

    return problems


dns_label = _rule(
    _LABEL,
    63,
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
    "and must start and end with an alphanumeric character",
    "my-name",
    "123-abc",
)
dns_subdomain = _rule(
    _SUBDOMAIN,
    253,
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
    "and must start and end with an alphanumeric character",
    "example.com",
)
dns_1035_label = _rule(
    _LABEL_1035,
    63,
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', "
    "start with an alphabetic character, and end with an alphanumeric character",
    "my-name",
    "abc-123",
)
label_value = _rule(
    _LABEL_VALUE,
    63,
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
    "and must start and end with an alphanumeric character",
    "MyValue",
    "my_value",
    "12345",
)
_name_part = _rule(
    _NAME_PART,
    63,
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
    "MyName",
    "my.name",
    "123-abc",
)
# Kinds whose names are stricter than a subdomain.
_NAMES: Mapping[tuple[str, str], Callable[[str], list[str]]] = {
    ("", "Namespace"): dns_label,
    ("", "Service"): dns_1035_label,
}


def qualified_name(value: str) -> list[str]:
    """Return what is wrong with a label or annotation key, ``[prefix/]name``; nothing when it is right."""
    prefix, slash, name = value.rpartition("/")
    if "/" in prefix:
        shown = f"(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{_NAME_PART}')"
        return [f"a qualified name {shown} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"]
    found = []
    if slash:
        found = ["prefix part must be non-empty"] if not prefix else [f"prefix part {text}" for text in dns_subdomain(prefix)]
    if not name:
        return [*found, "name part must be non-empty"]
    return [*found, *(f"name part {text}" for text in _name_part(name))]


def validate_metadata(manifest: Mapping[str, Any], old: Mapping[str, Any] | None) -> list[Cause]:
    """Return what is wrong with the metadata of any object, custom ones included. ``old`` is the stored object of an update."""
    metadata = at(manifest, "metadata", default={})
    group = str(manifest.get("apiVersion", "")).rpartition("/")[0]
    found = list(_names(metadata, _NAMES.get((group, str(manifest.get("kind", ""))), dns_subdomain)))
    found.extend(label_causes(metadata.get("labels"), "metadata.labels"))
    found.extend(_annotations(metadata.get("annotations")))
    found.extend(_owners(at(metadata, "ownerReferences", default=[])))
    found.extend(
        invalid("metadata.finalizers", name, text)
        for name in at(metadata, "finalizers", default=[])
        for text in qualified_name(str(name))
    )
    if old is not None:
        found.extend(immutable(manifest, old, "metadata", "name"))
        found.extend(immutable(manifest, old, "metadata", "uid"))
    return found


def immutable(manifest: Mapping[str, Any], old: Mapping[str, Any], *path: str) -> Iterator[Cause]:
    """Yield a cause when the value at ``path`` differs from the stored one."""
    value = at(manifest, *path)
    if value != at(old, *path):
        yield invalid(".".join(path), value, _IMMUTABLE)


def label_causes(labels: Any, field: str) -> Iterator[Cause]:
    """Yield what is wrong with a map of labels."""
    if not isinstance(labels, Mapping):
        return
    for name, value in labels.items():
        yield from (invalid(field, name, text) for text in qualified_name(str(name)))
        yield from (invalid(field, value, text) for text in label_value(str(value)))


def _names(metadata: Mapping[str, Any], rule: Callable[[str], list[str]]) -> Iterator[Cause]:
    name, prefix = metadata.get("name"), metadata.get("generateName")
    if name:
        yield from (invalid("metadata.name", name, text) for text in rule(str(name)))
    elif prefix:
        yield from (invalid("metadata.generateName", prefix, text) for text in rule(f"{str(prefix).rstrip('-.')}x"))
    else:
        yield required("metadata.name", "name or generateName is required")


def _annotations(annotations: Any) -> Iterator[Cause]:
    if not isinstance(annotations, Mapping):
        return
    for name in annotations:
        yield from (invalid("metadata.annotations", name, text) for text in qualified_name(str(name).lower()))
    size_bytes = sum(len(str(name).encode()) + len(str(value).encode()) for name, value in annotations.items())
    if size_bytes > _ANNOTATIONS_BYTES_MAX:
        yield too_long("metadata.annotations", _ANNOTATIONS_BYTES_MAX)


def _owners(owners: Iterable[Any]) -> Iterator[Cause]:
    listed = [owner for owner in owners if isinstance(owner, Mapping)]
    for owner in listed:
        for name in ("apiVersion", "kind", "name", "uid"):
            if not owner.get(name):
                yield invalid(f"metadata.ownerReferences.{name}", "", "must not be empty")
    controllers = [str(owner.get("name")) for owner in listed if owner.get("controller")]
    if len(controllers) > 1:
        text = 'Only one reference can have Controller set to true. Found "true" in references for '
        yield invalid("metadata.ownerReferences", listed, text + " and ".join(controllers))
