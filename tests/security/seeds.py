"""Good input of every kind, from which bad input is made."""

import json

from lablet_controller.content.devices import DEVICES_FILE
from lablet_controller.content.package import META_FILE
from lcm_core.content.rubric import RUBRIC_FILE
from lcm_core.topology import TOPOLOGY_FILE

TOPOLOGY = """
lab: {title: Two routers, description: d, notes: 'reach R1 at ${PORT_R1}', version: 0.3.0}
nodes:
  - id: n0
    label: R1
    node_definition: iosv
    x: -200
    y: 40.5
    ram: 512
    cpus: 1
    tags: ['serial:${PORT_R1}', 'pat:tcp:2001:80', VLAN10]
    configuration: |
      hostname R1
      ! port ${PORT_R1}
    interfaces:
      - {id: i0, slot: 0, label: Gi0/0, type: physical}
  - id: n1
    label: PC
    node_definition: desktop
    configuration:
      - {name: main, content: hostname PC}
    interfaces:
      - {id: i0, slot: 0, label: eth0}
links:
  - {id: l0, n1: n0, n2: n1, i1: i0, i2: i0}
smart_annotations:
  - {tag: VLAN10, label: VLAN 10}
annotations: []
"""
DEVICES = """<?xml version="1.0" encoding="UTF-8"?>
<content>
  <device device_label="R1" category="router" coords="10,20" user_access_mode="serial"/>
  <device device_label="PC" category="desktop" coords="80,20" user_access_mode="vnc"/>
</content>
"""
RUBRIC = """
version: 1
title: VLANs
cut_score: 70
sections:
  - name: R1
    checks:
      - {id: name, device: R1, must_match: '^hostname R1$', weight: 2}
      - {id: shut, device: R1, source: console, must_not_match: 'down$'}
"""
META = json.dumps({"form": "F1", "revision": 7, "nested": {"a": [1, 2]}, "draft": False})
FILES = {TOPOLOGY_FILE: TOPOLOGY, DEVICES_FILE: DEVICES, RUBRIC_FILE: RUBRIC, META_FILE: META}
EVENT: dict[str, object] = {
    "specversion": "1.0",
    "id": "e1",
    "source": "/lds/test",
    "type": "lds.session.started.v1",
    "subject": "s1",
    "time": "2031-05-06T09:00:00Z",
    "datacontenttype": "application/json",
    "data": {"auth_id": "s1", "session_id": "lds-1", "part": 1},
}
