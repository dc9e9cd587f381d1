"""Read everything around one Canary live: verdicts that end something and guarded writes never trust a cache."""

import asyncio
from typing import Any

from canary_controller.configs import is_config, without_data
from canary_controller.kube import ApiError, Kube
from canarykit.kinds import CANARY, ENDPOINT_SLICE
from canarykit.model import Ref
from canarykit.observe import more_references, references
from canarykit.settings import Settings

AT_ONCE = 8
SERVICE_NAME_LABEL = "kubernetes.io/service-name"


async def read_live(
    kube: Kube, key: tuple[str, str], settings: Settings, known: tuple[Ref, ...] = ()
) -> dict[Ref, dict[str, Any]]:
    """Return every object of the Canary ``key`` as the API server has it now; {} when the Canary itself is gone.

    Args:
        kube: the API.
        key: namespace and name.
        settings: of the controller.
        known: further objects that the cache relates to the Canary (old scalers, revisions): read as well.

    Raises:
        Unavailable: something could not be read; unknown is not absent.
    """
    canary = await kube.get(Ref.to(CANARY, *key))
    if canary is None:
        return {}
    objects = {Ref.of(canary): canary}
    named = {*references(canary, settings), *(ref for ref in known if ref.kind != ENDPOINT_SLICE.kind)} - objects.keys()
    objects |= await _read_all(kube, sorted(named))
    if settings.config_tracking:
        objects |= await _read_all(kube, [ref for ref in more_references(objects, key) if ref not in objects])
    services = sorted({ref.name for ref in named if ref.kind == "Service" and ref in objects})
    if services:
        selector = f"{SERVICE_NAME_LABEL} in ({','.join(services)})"
        listing = await kube.list(ENDPOINT_SLICE, key[0], label_selector=selector)
        objects |= {Ref.of(item): item for item in listing.items}
    return objects


async def _read_all(kube: Kube, refs: list[Ref]) -> dict[Ref, dict[str, Any]]:
    limit = asyncio.Semaphore(AT_ONCE)

    async def read(ref: Ref) -> tuple[Ref, dict[str, Any] | None]:
        async with limit:
            try:
                manifest = await kube.get(ref)
            except ApiError as error:
                if error.is_not_found:
                    return ref, None
                raise
        return ref, without_data(manifest) if manifest is not None and is_config(ref) else manifest

    found = await asyncio.gather(*(read(ref) for ref in refs))
    return {ref: manifest for ref, manifest in found if manifest is not None}
