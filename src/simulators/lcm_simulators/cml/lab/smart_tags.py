"""Smart annotations: they come with the first use of a node tag and go with the last."""

import hashlib
from uuid import uuid4

from lcm_simulators.cml.model import Lab


def default_annotation(tag: str) -> dict[str, object]:
    """A smart annotation as the controller makes it; the fill color is fixed per tag."""
    color = hashlib.sha256(tag.encode()).hexdigest()[:6].upper()
    return {
        "id": str(uuid4()), "tag": tag, "label": tag, "is_on": True, "padding": 35, "tag_offset_x": 0,
        "tag_offset_y": 0, "tag_size": 14, "group_distance": 400, "thickness": 1, "border_style": "",
        "fill_color": f"#{color}80", "border_color": "#00000080", "z_index": 1,
    }  # fmt: skip


def refresh(lab: Lab) -> None:
    """Make the annotations of new tags and drop those of tags no longer used."""
    used = {tag for node in lab.nodes.values() for tag in node.tags}
    known = {str(annotation["tag"]): key for key, annotation in lab.smart_annotations.items()}
    for tag in sorted(used - known.keys()):
        annotation = default_annotation(tag)
        lab.smart_annotations[str(annotation["id"])] = annotation
    for tag in known.keys() - used:
        del lab.smart_annotations[known[tag]]
