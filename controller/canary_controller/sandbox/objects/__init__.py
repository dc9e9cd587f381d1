"""Pure functions over Kubernetes objects, from which the embedded API server is built. No I/O, no clock.

Reading order, each file one idea, with what the API server calls:

* ``causes``: why a write is refused. ``Cause(reason, message, field)``, ``PatchError(status, reason, message)``.
* ``merge_keys``: which lists are maps. ``ListTypes.for_builtin(group, kind)``, ``ListTypes.for_crd(schema, has_status)``.
* ``patches``: ``merge_patch(target, patch)``, ``json_patch(target, ops)``.
* ``strategic``: ``strategic_merge(target, patch, group, kind)``.
* ``fieldsets``: sets of fields, and what differs between two objects.
* ``managed``: ``track_update(old, new, manager, now, operation="Update", subresource="", types=None)``.
* ``apply``: ``server_side_apply(live, applied, manager, force, now, types=None, subresource="")`` and ``ApplyConflict``.
* ``defaults``: ``apply_defaults(manifest, group, kind)``, ``allocate_cluster_ip(manifest, taken)``.
* ``builtin_validation``: ``validate(manifest, old)``, ``validate_metadata(manifest, old)``; before the defaults
  comes ``decoding.decode_problem(manifest)``.
* ``schema``: ``process(manifest, schema)`` for custom resources.
* ``cel``: ``cel_refusal(crd)``.

The order in the server. Create, PUT and the three patches: patch, decode_problem, defaults (or ``process``), track_update,
validate. Server-side apply: decode_problem, server_side_apply, defaults, validate. So defaults belong to the creator, but to
no applier.
"""
