"""Devices that run: extraction, typed lines, saving, and show commands as evidence."""

import re
from collections.abc import Iterator

import pytest
from cml_world import Cml, cml_process, topology

R1 = """hostname r1
interface Ethernet0/0
 ip address 10.0.12.1 255.255.255.252
 no shutdown
interface Ethernet0/1
 no shutdown
interface Ethernet0/1.10
 encapsulation dot1q 10
 ip address 192.168.10.1 255.255.255.0
interface Ethernet0/1.20
 encapsulation dot1q 20
 ip address 192.168.20.1 255.255.255.0
router ospf 1
 network 10.0.12.0 0.0.0.3 area 0
 network 192.168.0.0 0.0.255.255 area 0
"""
R2 = """hostname r2
interface Loopback0
 ip address 2.2.2.2 255.255.255.255
interface Ethernet0/0
 ip address 10.0.12.2 255.255.255.252
 no shutdown
router ospf 1
 network 0.0.0.0 255.255.255.255 area 0
"""
SW = """hostname sw
vlan 10
 name PCs
vlan 20
 name servers
spanning-tree mode rapid-pvst
interface Ethernet0/0
 switchport trunk encapsulation dot1q
 switchport mode trunk
interface Ethernet0/1
 switchport access vlan 10
 switchport mode access
interface Ethernet0/2
 switchport access vlan 20
 switchport mode access
"""
BUNDLE = """hostname {}
interface range e0/0 - 1
 switchport mode trunk
 channel-group 1 mode {}
spanning-tree vlan 1 priority {}
"""
ON_A_HUB = """hostname {0}
interface Ethernet0/0
 ip address 10.0.0.{0} 255.255.255.0
 no shut
 ip ospf 1 area 0
router ospf 1
"""
PC = "hostname pc\nifconfig eth0 192.168.10.2 netmask 255.255.255.0\nroute add default gw 192.168.10.1\n"
SERVER = "hostname server\nip addr add 192.168.20.2/24 dev eth0\nip route add default via 192.168.20.1\n"


@pytest.fixture(scope="module")
def cml(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cml]:
    with cml_process(tmp_path_factory.mktemp("cml")) as process:
        yield process.controller("devices")


@pytest.fixture(scope="module")
def campus(cml: Cml) -> str:
    """Two routers that speak OSPF, a switch with two VLANs, a host in each."""
    text = topology(
        {"r1": "iol-xe", "r2": "iol-xe", "sw": "ioll2-xe", "pc": "alpine", "server": "alpine"},
        (("r1", "r2"), ("r1", "sw"), ("sw", "pc"), ("sw", "server")),
        r1={"configuration": R1}, r2={"configuration": R2}, sw={"configuration": SW},
        pc={"configuration": PC}, server={"configuration": SERVER},
    )  # fmt: skip
    lab = cml.load(text)
    cml.boot(lab)
    return lab


@pytest.fixture
def router(cml: Cml) -> Iterator[str]:
    """A lab of one router, changed by its test; stopped at the end."""
    lab = cml.load(topology({"edge": "iosv"}, edge={"configuration": "hostname edge\n"}))
    cml.boot(lab)
    yield lab
    cml.call("PUT", f"labs/{lab}/stop")


def matches(pattern: str, text: str) -> bool:
    return re.search(pattern, text, re.MULTILINE) is not None


def test_extraction_brings_back_what_runs_and_not_what_was_imported(cml: Cml, router: str) -> None:
    cml.type_lines(router, "edge", "hostname core\nint g0/0\nip add 10.9.9.9 255.255.255.0\nno shut\n")
    node = cml.node(router, "edge")
    assert "hostname edge" in node["configuration"][0]["content"]

    cml.call("PUT", f"labs/{router}/nodes/{node['id']}/extract_configuration")

    content = cml.node(router, "edge")["configuration"][0]["content"]
    assert "hostname core" in content
    assert "interface GigabitEthernet0/0\n ip address 10.9.9.9 255.255.255.0\n" in content
    assert "hostname core" in cml.call("GET", f"labs/{router}/download").text


def test_only_a_booted_device_that_can_tell_its_configuration_is_extracted(cml: Cml, campus: str) -> None:
    stopped = cml.load(topology({"r": "iosv"}))
    path = f"labs/{stopped}/nodes/{cml.node(stopped, 'r')['id']}/extract_configuration"
    assert "not booted" in cml.refused("PUT", path, 400)
    path = f"labs/{campus}/nodes/{cml.node(campus, 'pc')['id']}/extract_configuration"
    assert "cannot be extracted" in cml.refused("PUT", path, 400)


def test_a_loaded_configuration_replaces_the_running_one(cml: Cml, router: str) -> None:
    path = f"/controllers/{cml.instance_id}/labs/{router}/nodes/edge/configuration"
    cml.process.manage("PUT", path, content="hostname solved\nntp server 10.0.0.1\n")
    assert cml.running(router, "edge") == "hostname solved\nntp server 10.0.0.1\n"


def test_what_was_not_saved_is_lost_by_a_restart_and_everything_by_a_wipe(cml: Cml, router: str) -> None:
    cml.type_lines(router, "edge", "hostname saved\n")
    cml.show(router, "edge", "write memory")
    cml.type_lines(router, "edge", "hostname unsaved\n")
    assert "hostname unsaved" in cml.running(router, "edge")

    cml.call("PUT", f"labs/{router}/stop")
    cml.boot(router)
    assert "hostname saved" in cml.running(router, "edge")

    cml.call("PUT", f"labs/{router}/stop")
    cml.call("PUT", f"labs/{router}/wipe")
    cml.boot(router)
    assert "hostname edge" in cml.running(router, "edge")


def test_the_console_log_holds_the_boot_and_what_was_typed(cml: Cml, router: str) -> None:
    cml.show(router, "edge", "show clock")
    node = cml.node(router, "edge")["id"]
    log = cml.get(f"labs/{router}/nodes/{node}/consoles/0/log")
    assert "Press RETURN to get started!" in log
    assert "edge#show clock" in log
    assert len(cml.get(f"labs/{router}/nodes/{node}/consoles/0/log?lines=2").splitlines()) == 2
    cml.refused("GET", f"labs/{router}/nodes/{node}/consoles/9/log", 404)


@pytest.mark.parametrize(
    ("device", "command", "pattern"),
    [
        ("r1", "show running-config", r"^router ospf 1$"),
        ("r1", "sh run int e0/1.10", r"^ encapsulation dot1q 10$"),
        ("r1", "sh run | section router", r"network 10\.0\.12\.0"),
        ("r1", "sh ip int br", r"^Ethernet0/0 +10\.0\.12\.1 +YES manual up +up"),
        ("r2", "sh ip int br", r"^Loopback0 +2\.2\.2\.2 .* up +up"),
        ("r1", "show ip route", r"^O +2\.2\.2\.2/32 \[110/2\] via 10\.0\.12\.2, .*Ethernet0/0"),
        ("r2", "show ip route ospf", r"^O +192\.168\.20\.0/24 "),
        ("r1", "show ip route 192.168.10.7", r'Known via "connected"'),
        ("r1", "show ip ospf neighbor", r"^2\.2\.2\.2 .*FULL/\w+ .*10\.0\.12\.2 +Ethernet0/0"),
        ("r1", "show ip protocols", r"Router ID 192\.168\.20\.1"),
        ("r1", "show cdp neighbors", r"^sw +Eth 0/1 .*Eth 0/0"),
        ("r1", "show cdp neighbors detail", r"Device ID: r2"),
        ("r1", "show arp", r"10\.0\.12\.2 "),
        ("r1", "show interfaces e0/0", r"Ethernet0/0 is up, line protocol is up"),
        ("sw", "show vlan brief", r"^10 +PCs +active +Et0/1$"),
        ("sw", "show interfaces trunk", r"^Et0/0 +on +802\.1q +trunking +1"),
        ("sw", "show interfaces status", r"^Et0/2 .*connected +20"),
        ("sw", "sh int e0/1 switchport", r"Access Mode VLAN: 10"),
        ("sw", "show spanning-tree vlan 10", r"This bridge is the root"),
        ("sw", "show mac address-table", r"DYNAMIC +Et0/1"),
        ("sw", "show version", r"uptime is \d+ minutes"),
        ("pc", "ip addr", r"inet 192\.168\.10\.2/24"),
        ("pc", "hostname", r"^pc$"),
        ("r1", "show nonsense", r"% Invalid input"),
        ("r1", "show vlan brief", r"% Invalid input"),
    ],
)  # fmt: skip
def test_devices_answer_the_commands_that_are_used_as_evidence(
    cml: Cml, campus: str, device: str, command: str, pattern: str
) -> None:
    shown = cml.show(campus, device, command)
    assert matches(pattern, shown), shown


def test_a_ping_goes_through_vlans_trunks_and_routers(cml: Cml, campus: str) -> None:
    assert " 0% packet loss" in cml.show(campus, "pc", "ping 192.168.20.2")
    assert " 0% packet loss" in cml.show(campus, "pc", "ping 2.2.2.2")
    assert "100 percent" in cml.show(campus, "r2", "ping 192.168.20.2")
    assert "0 percent (0/5)" in cml.show(campus, "r2", "ping 192.168.20.99")
    assert "1 10.0.12.1 " in cml.show(campus, "r2", "traceroute 192.168.20.2")


def test_a_mistake_shows_in_the_evidence_and_its_repair_too(cml: Cml, campus: str) -> None:
    cml.type_lines(campus, "sw", "interface e0/0\nswitchport trunk allowed vlan 20\n")
    assert "100% packet loss" in cml.show(campus, "pc", "ping 192.168.10.1")
    assert " 0% packet loss" in cml.show(campus, "server", "ping 192.168.20.1")
    cml.type_lines(campus, "sw", "interface e0/0\nswitchport trunk allowed vlan add 10\n")
    assert " 0% packet loss" in cml.show(campus, "pc", "ping 192.168.10.1")

    cml.type_lines(campus, "r2", "interface e0/0\nshutdown\n")
    assert "FULL" not in cml.show(campus, "r1", "show ip ospf neighbor")
    assert matches(r"Ethernet0/0 .*administratively down down", cml.show(campus, "r2", "show ip interface brief"))
    cml.type_lines(campus, "r2", "interface e0/0\nno shutdown\n")
    assert "FULL" in cml.show(campus, "r1", "show ip ospf neighbor")


def test_a_learner_at_a_host_gives_it_an_address(cml: Cml, campus: str) -> None:
    cml.show(campus, "server", "sudo ifconfig eth0 192.168.20.9 netmask 255.255.255.0")
    assert "100 percent" in cml.show(campus, "r1", "ping 192.168.20.9")
    cml.show(campus, "server", "ifconfig eth0 192.168.20.2 netmask 255.255.255.0")


def test_addresses_of_running_nodes_are_known_to_the_controller(cml: Cml, campus: str) -> None:
    addresses = cml.get(f"labs/{campus}/layer3_addresses")
    of_r1 = addresses[cml.node(campus, "r1")["id"]]
    assert of_r1["name"] == "r1"
    assert ["10.0.12.1"] in [interface["ip4"] for interface in of_r1["interfaces"].values()]


def test_bundles_form_when_both_sides_agree_and_a_root_can_be_chosen(cml: Cml) -> None:
    lab = cml.load(topology({"a": "ioll2-xe", "b": "ioll2-xe"}, (("a", "b"), ("a", "b")),
                            a={"configuration": BUNDLE.format("a", "active", 4096)},
                            b={"configuration": BUNDLE.format("b", "passive", 32768)}))  # fmt: skip
    cml.boot(lab)
    assert matches(r"^1 +Po1\(SU\) +LACP +Et0/0\(P\) +Et0/1\(P\)", cml.show(lab, "a", "show etherchannel summary"))
    assert "This bridge is the root" in cml.show(lab, "a", "show spanning-tree vlan 1")
    assert "This bridge is the root" not in cml.show(lab, "b", "show spanning-tree vlan 1")
    cml.type_lines(lab, "b", "interface e0/1\nchannel-group 1 mode on\n")
    assert matches(r"Po1\(SU\) .*Et0/0\(P\) +Et0/1\(I\)", cml.show(lab, "a", "show etherchannel summary"))
    cml.call("PUT", f"labs/{lab}/stop")


def test_routers_meet_through_an_unmanaged_switch(cml: Cml) -> None:
    lab = cml.load(topology({"1": "iol-xe", "2": "iol-xe", "3": "iol-xe", "hub": "unmanaged_switch"},
                            (("1", "hub"), ("2", "hub"), ("3", "hub")),
                            **{name: {"configuration": ON_A_HUB.format(name)} for name in "123"}))  # fmt: skip
    cml.boot(lab)
    shown = cml.show(lab, "1", "show ip ospf neighbor")
    assert "10.0.0.2" in shown
    assert "10.0.0.3" in shown
    cml.call("PUT", f"labs/{lab}/stop")
