"""How a class of the API says what its fields are called and allowed to hold: attrs metadata, and how to read it back.

One declaration per field feeds the converters (`convert.py`) and the CRD schema (`crd_schema.py`), so they cannot disagree.
"""

from collections.abc import Mapping
from typing import Any

from attrs import Attribute, fields

Opaque = Mapping[str, Any]  # an object of another API that we hand on as the API server stored it


def api(about: str, *, name: str = "", required: bool = False, **schema: Any) -> dict[str, Any]:
    """Return the attrs metadata of one API field.

    Args:
        about: what the field means, as ``kubectl explain`` shows it.
        name: the field's name in manifests, where it is not the camelCase form of the attribute's name.
        required: the API server refuses an object without it.
        schema: OpenAPI keywords added to what follows from the type, e.g. ``minimum=1``.
    """
    return {"about": about, "name": name, "required": required, "schema": schema}


def json_name(attribute: "Attribute[Any]") -> str:
    """Return the name that ``attribute`` has in manifests: ``step_weight`` gives ``stepWeight``."""
    own: str = attribute.metadata.get("name", "")
    if own:
        return own
    head, *rest = attribute.name.split("_")
    return head + "".join(word.capitalize() for word in rest)


def attributes(cls: type) -> tuple["Attribute[Any]", ...]:
    """Return the API fields of an attrs class, in order."""
    found: tuple[Attribute[Any], ...] = tuple(fields(cls))
    return found
