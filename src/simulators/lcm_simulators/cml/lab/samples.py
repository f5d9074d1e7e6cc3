"""The labs that come with a controller."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import NAMESPACE_URL, uuid5

from lcm_simulators.cml.catalog import SHIPPED


@dataclass(frozen=True, slots=True)
class Sample:
    """A lab of a few nodes in a row."""

    title: str
    description: str
    nodes: tuple[tuple[str, str], ...]

    @property
    def id(self) -> str:
        """The same for every controller."""
        # The version and variant digits of a random UUID, which ids of the API must have.
        text = str(uuid5(NAMESPACE_URL, self.title))
        return f"{text[:14]}4{text[15:19]}a{text[20:]}"

    def document(self) -> dict[str, object]:
        """The topology; each node is linked to the next."""
        nodes: list[object] = []
        links: list[object] = []
        for number, (label, definition_id) in enumerate(self.nodes):
            definition = SHIPPED[definition_id]
            first = 1 if len(definition.interface_label(0)) and definition.naming in {"asa", "nexus"} else 0
            interfaces = [
                {"id": f"i{slot}", "label": definition.interface_label(slot), "slot": slot, "type": "physical"}
                for slot in range(first + 2)
                if slot < definition.slots
            ]
            configuration = "NAT" if definition_id == "external_connector" else f"hostname {label}\n"
            nodes.append({
                "id": f"n{number}", "label": label, "node_definition": definition_id, "x": number * 200, "y": 0,
                "configuration": configuration, "interfaces": interfaces,
            })  # fmt: skip
            if number:
                links.append({
                    "id": f"l{number - 1}", "n1": f"n{number - 1}", "n2": f"n{number}",
                    "i1": "i0" if number == 1 else "i1", "i2": "i0",
                })  # fmt: skip
        about = {"title": self.title, "description": self.description, "notes": "", "version": "0.3.0"}
        return {"lab": about, "nodes": nodes, "links": links, "annotations": [], "smart_annotations": []}


_ALL = (
    Sample("Two routers", "Two IOL routers back to back.", (("R1", "iol-xe"), ("R2", "iol-xe"))),
    Sample(
        "Branch office",
        "A host behind a switch and a router.",
        (("pc", "alpine"), ("sw1", "ioll2-xe"), ("edge", "iol-xe")),
    ),
)
SAMPLES: dict[str, Sample] = {sample.title: sample for sample in _ALL}
