"""Running configurations: what typed lines make of them."""

import pytest

from lcm_simulators.cml.devices.configuration import Configuration
from lcm_simulators.cml.devices.hosts import read_host
from lcm_simulators.cml.devices.vlans import list_of, numbers_of
from lcm_simulators.cml.devices.words import expand, interface_name

START = """hostname sw1
!
interface Ethernet0/0
 description to core
 switchport mode trunk
 switchport trunk allowed vlan 10,20
!
interface e0/1
 ip address 10.0.0.1 255.255.255.0
!
line con 0
end
"""


def merged(text: str, start: str = START) -> str:
    configuration = Configuration(start)
    configuration.merge(text)
    return configuration.render()


def test_a_configuration_that_nobody_touched_is_printed_as_it_was_written() -> None:
    assert Configuration(START).render() == START


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("int gi0/1", "interface GigabitEthernet0/1"),
        ("sw mo acc", "switchport mode access"),
        ("sw acc vl 10", "switchport access vlan 10"),
        ("sw tr enc dot", "switchport trunk encapsulation dot1q"),
        ("no shut", "no shutdown"),
        ("ip add 10.1.1.1 255.255.255.0", "ip address 10.1.1.1 255.255.255.0"),
        ("desc To the ISP", "description To the ISP"),
        ("line console 0", "line con 0"),
        ("router ospf 1", "router ospf 1"),
        ("some unknown command", "some unknown command"),
    ],
)
def test_abbreviated_commands_are_written_out(typed: str, meant: str) -> None:
    assert expand(typed) == meant


@pytest.mark.parametrize(
    ("short", "full"),
    [("e0/1", "Ethernet0/1"), ("vl10", "Vlan10"), ("lo0", "Loopback0"), ("po1", "Port-channel1"), ("mgmt0", "mgmt0")],
)
def test_interface_names_are_written_out(short: str, full: str) -> None:
    assert interface_name(short) == full


def test_a_line_replaces_the_one_that_it_contradicts() -> None:
    text = merged("hostname sw2\ninterface Ethernet0/1\n ip address 10.0.0.9 255.255.255.0\n")

    assert "hostname sw2" in text
    assert "hostname sw1" not in text
    assert "10.0.0.9" in text
    assert "10.0.0.1 " not in text
    assert text.count("0/1") == 1, "the section is the one that the file calls e0/1"


def test_no_removes_lines_and_sections() -> None:
    text = merged("interface e0/0\nno description\nno switchport trunk allowed vlan\nno interface Ethernet0/1\n")

    assert "description" not in text
    assert "allowed vlan" not in text
    assert "e0/1" not in text


def test_vlans_of_a_trunk_are_added_and_removed() -> None:
    assert "allowed vlan 10,20,30-32\n" in merged("int e0/0\nsw tr all vl add 30-32\n")
    assert "allowed vlan 20\n" in merged("int e0/0\nsw tr all vl rem 10\n")
    assert numbers_of("10,20-22") == [10, 20, 21, 22]
    assert list_of([20, 10, 21, 22]) == "10,20-22"


def test_a_range_changes_each_of_its_interfaces() -> None:
    text = merged("interface range e0/2 - 3, e1/0\n sw mo acc\n sw acc vl 30\n")

    for name in ("Ethernet0/2", "Ethernet0/3", "Ethernet1/0"):
        assert f"interface {name}\n switchport mode access\n switchport access vlan 30\n" in text


def test_a_global_command_leaves_the_section() -> None:
    text = merged(
        "vlan 30\nname guests\nip route 0.0.0.0 0.0.0.0 10.0.0.254\nrouter ospf 1\nnet 10.0.0.0 0.0.0.255 area 0\n"
    )

    assert "vlan 30\n name guests\n" in text
    assert "\nip route 0.0.0.0 0.0.0.0 10.0.0.254\n" in text
    assert "router ospf 1\n network 10.0.0.0 0.0.0.255 area 0\n" in text
    assert text.endswith("end\n")


def test_a_new_interface_of_a_router_is_shut_down_until_it_is_told_otherwise() -> None:
    configuration = Configuration("hostname r1\n", frozenset({"Ethernet0/0"}))
    configuration.merge("int e0/0\nip add 10.0.0.1 255.255.255.0\nint lo0\nip add 1.1.1.1 255.255.255.255\n")
    assert "interface Ethernet0/0\n shutdown\n" in configuration.render()
    assert configuration.render().count("shutdown") == 1

    configuration.merge("int e0/0\nno shut\n")
    assert "shutdown" not in configuration.render()


def test_what_is_on_by_default_is_switched_off_by_a_line() -> None:
    text = merged("no cdp run\nint e0/1\nno cdp enable\n")
    assert "\nno cdp run\n" in text
    assert " no cdp enable\n" in text
    assert "no cdp run" not in merged("cdp run\n", text)
    assert "no cdp enable" not in merged("int e0/1\ncdp enable\n", text)


def test_a_banner_of_several_lines_is_no_command() -> None:
    text = "banner motd ^\ninterface of shame\n^\nhostname r1\n"
    assert merged("hostname r2\n", text) == "banner motd ^\ninterface of shame\n^\nhostname r2\n"


def test_addresses_of_a_host_are_read_from_its_shell_commands() -> None:
    host = read_host(
        "hostname pc1\n# ifconfig eth0 1.1.1.1 netmask 255.0.0.0\n"
        "sudo ifconfig eth0 inet 192.168.1.2 netmask 255.255.255.0\n"
        "ip addr add 10.0.0.2/30 dev eth1\nroute add default gw 192.168.1.1 eth0\n"
    )
    assert host.name == "pc1"
    assert {name: str(address) for name, address in host.addresses.items()} == {
        "eth0": "192.168.1.2/24",
        "eth1": "10.0.0.2/30",
    }
    assert str(host.gateway) == "192.168.1.1"
