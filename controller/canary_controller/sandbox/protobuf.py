"""The few protobuf bodies that kubectl sends (``create namespace``, ``create configmap``, …), decoded by a table.

Everything else speaks JSON. A message or field that the table does not have is refused, never dropped.
Source: the generated.proto files of k8s.io/api and k8s.io/apimachinery (field numbers are facts of the wire format).
"""

import base64
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen

from canary_controller.sandbox import status_errors as errors

PROTOBUF = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\x00"
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


@frozen
class _Field:
    """One field of a message.

    Attributes:
        kind: ``text``, ``bytes``, ``int``, ``bool``, ``message``, ``texts`` or ``data`` (maps of text, of bytes), or ``skip``.
        optional: a pointer in Go: a zero that is sent is meant.
    """

    name: str
    kind: str = "text"
    message: str = ""
    repeated: bool = False
    optional: bool = False


def _rows(text: str) -> dict[int, _Field]:
    """Parse ``1 metadata:ObjectMeta; 2 data{texts}; 3 type; 4 immutable{bool}?; 5 finalizers*``."""
    fields = {}
    for entry in filter(None, (part.strip() for part in text.split(";"))):
        number, word = entry.split(" ", 1)
        optional, repeated = word.endswith("?"), word.endswith("*")
        name, _, message = word.rstrip("?*").partition(":")
        name, _, kind = name.partition("{")
        fields[int(number)] = _Field(name, "message" if message else kind.rstrip("}") or "text", message, repeated, optional)
    return fields


_META = "1 metadata:ObjectMeta; "
_MESSAGES: Mapping[str, dict[int, _Field]] = {
    name: _rows(text)
    for name, text in {
        "ObjectMeta": "1 name; 2 generateName; 3 namespace; 4 selfLink; 5 uid; 6 resourceVersion; 7 generation{int}; 8 -{skip}; "
        "11 labels{texts}; 12 annotations{texts}; 13 ownerReferences:OwnerReference*; 14 finalizers*",
        "OwnerReference": "1 kind; 3 name; 4 uid; 5 apiVersion; 6 controller{bool}?; 7 blockOwnerDeletion{bool}?",
        "v1/Namespace": _META + "2 spec:NamespaceSpec; 3 -{skip}",
        "NamespaceSpec": "1 finalizers*",
        "v1/ConfigMap": _META + "2 data{texts}; 3 binaryData{data}; 4 immutable{bool}?",
        "v1/Secret": _META + "2 data{data}; 3 type; 4 stringData{texts}; 5 immutable{bool}?",
        "v1/ServiceAccount": _META + "4 automountServiceAccountToken{bool}?",
        "v1/Service": _META + "2 spec:ServiceSpec; 3 -{skip}",
        "ServiceSpec": "1 ports:ServicePort*; 2 selector{texts}; 3 clusterIP; 4 type; 7 sessionAffinity; 10 externalName; "
        "13 publishNotReadyAddresses{bool}",
        "ServicePort": "1 name; 2 protocol; 3 port{int}; 4 targetPort:IntOrString; 5 nodePort{int}",
        "IntOrString": "1 type{int}; 2 int{int}; 3 string",
        "apps/v1/Deployment": _META + "2 spec:DeploymentSpec; 3 -{skip}",
        "DeploymentSpec": "1 replicas{int}?; 2 selector:LabelSelector; 3 template:PodTemplate; 4 -{skip}; "
        "5 minReadySeconds{int}; 7 paused{bool}",
        "LabelSelector": "1 matchLabels{texts}",
        "PodTemplate": _META + "2 spec:PodSpec",
        "PodSpec": "2 containers:Container*; 3 restartPolicy; 6 dnsPolicy; 8 serviceAccountName; 10 nodeName",
        "Container": "1 name; 2 image; 3 command*; 4 args*; 5 workingDir; 6 ports:ContainerPort*; 7 env:EnvVar*; 8 -{skip}; "
        "14 imagePullPolicy",
        "ContainerPort": "1 name; 3 containerPort{int}; 4 protocol",
        "EnvVar": "1 name; 2 value",
        "autoscaling/v1/Scale": _META + "2 spec:ScaleSpec; 3 -{skip}",
        "ScaleSpec": "1 replicas{int}?",
        "DeleteOptions": "1 gracePeriodSeconds{int}?; 2 preconditions:Preconditions; 3 orphanDependents{bool}?; "
        "4 propagationPolicy; 5 dryRun*",
        "Preconditions": "1 uid; 2 resourceVersion",
        "authorization.k8s.io/v1/SelfSubjectAccessReview": _META + "2 spec:AccessSpec; 3 -{skip}",
        "AccessSpec": "1 resourceAttributes:ResourceAttributes; 2 nonResourceAttributes:NonResourceAttributes",
        "ResourceAttributes": "1 namespace; 2 verb; 3 group; 4 version; 5 resource; 6 subresource; 7 name",
        "NonResourceAttributes": "1 path; 2 verb",
        "authentication.k8s.io/v1/SelfSubjectReview": _META + "2 -{skip}",
        "Unknown": "1 typeMeta:TypeMeta; 2 raw{bytes}; 3 contentEncoding; 4 contentType",
        "TypeMeta": "1 apiVersion; 2 kind",
    }.items()
}


def decoded_protobuf(body: bytes) -> dict[str, Any]:
    """Return the manifest in a protobuf body (a `runtime.Unknown` envelope); raises StatusError 400 or 415."""
    if not body.startswith(_MAGIC):
        raise errors.bad_request("the body is not a Kubernetes protobuf message")
    try:
        envelope = _message(body[len(_MAGIC) :], "Unknown", "")
        kind, api_version = envelope["typeMeta"].get("kind", ""), envelope["typeMeta"].get("apiVersion", "")
        name = kind if kind == "DeleteOptions" else f"{api_version}/{kind}"
        if name not in _MESSAGES:
            raise _refusal(name)
        content = _message(envelope.get("raw", b""), name, kind)
    except (IndexError, KeyError, UnicodeDecodeError) as error:
        raise errors.bad_request(f"the protobuf message is broken: {error!r}") from None
    return {"apiVersion": api_version, "kind": kind, **content}


def _refusal(what: str) -> errors.StatusError:
    message = f"the sandbox does not read {what} in protobuf; send JSON, for example with kubectl apply -f or create -f"
    return errors.StatusError(415, "UnsupportedMediaType", message)


def _message(raw: bytes, name: str, path: str) -> dict[str, Any]:
    fields, content = _MESSAGES[name], dict[str, Any]()
    for number, wire, value in _wire(raw):
        row = fields.get(number)
        if row is None:
            if value in (0, b""):
                continue
            raise _refusal(f"field {number} of {path or name}")
        if row.kind == "skip":
            continue
        _keep(content, row, _value(row, wire, value, f"{path}.{row.name}"))
    if name == "IntOrString":
        return {"": content.get("string", "") if content.get("type") else content.get("int", 0)}
    return content


def _keep(content: dict[str, Any], row: _Field, value: Any) -> None:
    if row.kind in ("texts", "data"):
        content.setdefault(row.name, {}).update(value)
    elif row.repeated:
        content.setdefault(row.name, []).append(value)
    elif row.message == "IntOrString":
        if value[""]:
            content[row.name] = value[""]
    elif row.optional or value not in (0, "", b"", False, {}):
        content[row.name] = value


def _value(row: _Field, wire: int, value: int | bytes, path: str) -> Any:
    if wire != _BYTES or isinstance(value, int):
        return bool(value) if row.kind == "bool" else value
    if row.kind == "message":
        return _message(value, row.message, path)
    if row.kind in ("texts", "data"):
        pair = {number: part for number, _, part in _wire(value) if isinstance(part, bytes)}
        inner = pair.get(2, b"")
        return {pair.get(1, b"").decode(): base64.b64encode(inner).decode() if row.kind == "data" else inner.decode()}
    return value if row.kind == "bytes" else value.decode()


def _wire(raw: bytes) -> Iterator[tuple[int, int, int | bytes]]:
    """Yield (field number, wire type, value) of a message."""
    position = 0
    while position < len(raw):
        tag, position = _varint(raw, position)
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            value, position = _varint(raw, position)
            yield number, wire, value - (1 << 64) if value >> 63 else value
            continue
        if wire == _BYTES:
            length, position = _varint(raw, position)
        else:
            length = {_FIXED64: 8, _FIXED32: 4}[wire]
        if position + length > len(raw):
            raise IndexError("the message ends within a field")
        yield number, wire, raw[position : position + length]
        position += length


def _varint(raw: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = raw[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
