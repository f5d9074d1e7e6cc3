"""Labs written for these tests."""

import uuid

from lablet_rig import package

TWO_ROUTERS = """
lab: {title: Two routers, version: 0.3.0, description: '', notes: ''}
nodes:
  - {id: n0, label: R1, node_definition: iosv, x: 0, y: 0, configuration: "hostname R1\\n",
     tags: ["serial:5001", "left"], interfaces: [{id: i0, slot: 0, label: GigabitEthernet0/0, type: physical}]}
  - {id: n1, label: R2, node_definition: iosv, x: 200, y: 0, configuration: "hostname R2\\n",
     tags: ["serial:5002"], interfaces: [{id: i0, slot: 0, label: GigabitEthernet0/0, type: physical}]}
links: [{id: l0, n1: n0, i1: i0, n2: n1, i2: i0}]
annotations: []
"""
RUBRIC = """
version: 1
title: Names
cut_score: 70
sections:
  - name: Left
    checks: [{id: left, device: R1, must_match: '^hostname R1$'}]
  - name: Right
    checks: [{id: right, device: R2, must_match: '^hostname R2$'}]
"""
DEVICES = '<content><device device_label="R1" category="router"/><device device_label="R2"/></content>'


def two_routers(**files: str) -> bytes:
    """A package of two routers with a rubric, never the same twice: what is read once is kept by its hash.

    Files may be replaced or, with an empty text, left out.
    """
    names = {"topology": "cml.yaml", "rubric": "rubric.yaml", "devices": "content.xml", "meta": "mosaic_meta.json"}
    names["pipeline"] = "pipeline.yaml"
    content = {"cml.yaml": TWO_ROUTERS, "rubric.yaml": RUBRIC, "content.xml": DEVICES}
    content |= {names[key]: text for key, text in files.items()}
    return package({name: text for name, text in content.items() if text}, uuid.uuid4().hex)
