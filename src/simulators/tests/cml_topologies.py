"""What a topology says, to compare exports of it."""

from typing import Any


def meaning(document: dict[str, Any]) -> dict[str, Any]:
    """What a topology says, without its local ids and without what only its version writes down."""
    nodes = {node["id"]: node for node in document["nodes"]}
    names = {
        (node["id"], interface["id"]): (node["label"], interface["label"])
        for node in document["nodes"]
        for interface in node["interfaces"]
    }
    return {
        "lab": {key: document["lab"].get(key) or "" for key in ("title", "description", "notes")},
        "nodes": {node["label"]: _node(node) for node in nodes.values()},
        "interfaces": {
            node["label"]: sorted((i["label"], i.get("type"), str(i.get("slot"))) for i in node["interfaces"])
            for node in nodes.values()
        },
        "links": sorted(
            sorted((names[link["n1"], link["i1"]], names[link["n2"], link["i2"]])) for link in document["links"]
        ),
        "conditioning": sorted(
            str((link.get("label"), link["conditioning"])) for link in document["links"] if link.get("conditioning")
        ),
        "annotations": sorted(_shape(shape) for shape in document.get("annotations") or []),
    }


def _node(node: dict[str, Any]) -> dict[str, Any]:
    kept = (
        "node_definition",
        "image_definition",
        "x",
        "y",
        "ram",
        "cpus",
        "cpu_limit",
        "data_volume",
        "boot_disk_size",
    )
    configuration = node.get("configuration") or []
    texts = [configuration] if isinstance(configuration, str) else [file["content"] for file in configuration]
    return {
        **{key: node.get(key) for key in kept},
        "hide_links": bool(node.get("hide_links")),
        "tags": sorted(node.get("tags") or []),
        "parameters": node.get("parameters") or {},
        "configuration": [text for text in texts if text],
    }


def _shape(shape: dict[str, Any]) -> str:
    """Everything a file says of an annotation; 8 and 8.0 are the same, and older files do not name a rotation of 0."""
    said = {key: value for key, value in shape.items() if key != "id" and value is not None}
    if said.get("rotation") == 0:
        del said["rotation"]
    numbers = {key: float(value) for key, value in said.items() if isinstance(value, int) and value is not True}
    return str(sorted({**said, **numbers}.items()))
