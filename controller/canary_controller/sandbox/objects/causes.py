"""Why a write is refused: the causes of a 422 answer and the errors of a patch, in the words of Kubernetes."""

import json
from collections.abc import Iterable
from typing import Any

from attrs import frozen


@frozen
class Cause:
    """One entry of ``status.details.causes``.

    Attributes:
        reason: ``FieldValueRequired``, ``FieldValueInvalid``, ``FieldManagerConflict``, …
        message: what is wrong, without the field, e.g. ``Invalid value: -1: must be greater than or equal to 0``.
        field: where, e.g. ``spec.replicas``; in conflicts with a leading dot.
    """

    reason: str
    message: str
    field: str


class PatchError(Exception):
    """A patch that cannot be carried out; ``status`` is the HTTP code and ``reason`` the Status reason of the answer."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        self.status = status
        self.reason = reason
        self.message = message
        super().__init__(message)


def shown(value: Any) -> str:
    """Return a rejected value as Kubernetes prints it: JSON, with ``null`` for nothing."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=str)


def required(field: str, detail: str = "") -> Cause:
    """Return the cause for a field that must be there and is not."""
    return Cause("FieldValueRequired", f"Required value: {detail}" if detail else "Required value", field)


def invalid(field: str, value: Any, detail: str) -> Cause:
    """Return the cause for a value that is not allowed."""
    return Cause("FieldValueInvalid", f"Invalid value: {shown(value)}: {detail}", field)


def type_invalid(field: str, value_type: str, detail: str) -> Cause:
    """Return the cause for a value of the wrong JSON type."""
    return Cause("FieldValueTypeInvalid", f"Invalid value: {shown(value_type)}: {detail}", field)


def forbidden(field: str, detail: str) -> Cause:
    """Return the cause for something that may not be done here."""
    return Cause("FieldValueForbidden", f"Forbidden: {detail}", field)


def duplicate(field: str, value: Any) -> Cause:
    """Return the cause for a list element that is there twice."""
    return Cause("FieldValueDuplicate", f"Duplicate value: {shown(value)}", field)


def not_found(field: str, value: Any) -> Cause:
    """Return the cause for a name that refers to nothing."""
    return Cause("FieldValueNotFound", f"Not found: {shown(value)}", field)


def unsupported(field: str, value: Any, known: Iterable[Any]) -> Cause:
    """Return the cause for a value outside an enumeration; ``known`` is listed in the given order."""
    listed = ", ".join(shown(member) for member in known)
    return Cause("FieldValueNotSupported", f"Unsupported value: {shown(value)}: supported values: {listed}", field)


def too_long(field: str, limit: int) -> Cause:
    """Return the cause for a text of more than ``limit`` bytes."""
    return Cause("FieldValueTooLong", f"Too long: may not be more than {limit} bytes", field)


def too_many(field: str, count: int, limit: int) -> Cause:
    """Return the cause for a list of ``count`` elements where ``limit`` are allowed."""
    return Cause("FieldValueTooMany", f"Too many: {count}: must have at most {limit} items", field)
