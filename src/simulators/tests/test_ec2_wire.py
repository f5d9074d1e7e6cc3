"""How AWS writes calls: CBOR against the SDK's own, query parameters, XML."""

import contextlib
import io
from datetime import UTC, datetime

from botocore.parsers import RpcV2CBORParser
from hypothesis import given, settings
from hypothesis import strategies as st

from lcm_simulators.ec2.errors import AwsError
from lcm_simulators.ec2.instances.addresses import AddressPool
from lcm_simulators.ec2.throttle import BucketSize, Throttle, ThrottleSettings
from lcm_simulators.ec2.wire import cbor
from lcm_simulators.ec2.wire.query import parse_query
from lcm_simulators.ec2.wire.xml import document

INSTANTS = st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC))
LEAVES = st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text() | st.binary()
TREES = st.dictionaries(
    st.text(),
    st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20),
)


@settings(max_examples=50)
@given(TREES)
def test_a_tree_comes_back_from_cbor_as_it_was(tree: dict[str, object]) -> None:
    assert cbor.decode_tree(cbor.encode(tree)) == tree


@given(INSTANTS)
def test_an_instant_comes_back_to_the_microsecond(instant: datetime) -> None:
    back = cbor.decode_tree(cbor.encode({"at": instant}))["at"]
    assert isinstance(back, datetime)
    assert abs((back - instant).total_seconds()) < 0.000_01


@settings(max_examples=50)
@given(TREES)
def test_the_sdk_reads_what_is_written(tree: dict[str, object]) -> None:
    parser = RpcV2CBORParser()
    assert parser.parse_data_item(io.BufferedReader(io.BytesIO(cbor.encode(tree)))) == tree  # type: ignore[arg-type]


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with contextlib.suppress(AwsError):
        assert isinstance(cbor.decode_tree(body), dict)


def test_strings_and_lists_of_indefinite_length_are_read() -> None:
    body = b"\xbf\x61a\x9f\x01\x02\xff\x61b\x7f\x62he\x63llo\xff\xff"
    assert cbor.decode_tree(body) == {"a": [1, 2], "b": "hello"}


def test_numbered_parameters_become_lists_in_numeric_order() -> None:
    text = "&".join(f"InstanceId.{number}=i-{number}" for number in (10, 2, 1))
    text += "&Filter.1.Name=tag%3Aa&Filter.1.Value.1=x&Filter.1.Value.2=y&Placement.AvailabilityZone=z&Q.member.1.Id=m"
    assert parse_query(text) == {
        "InstanceId": ["i-1", "i-2", "i-10"],
        "Filter": [{"Name": "tag:a", "Value": ["x", "y"]}],
        "Placement": {"AvailabilityZone": "z"},
        "Q": [{"Id": "m"}],
    }


def test_xml_is_escaped_and_leaves_out_what_is_not_there() -> None:
    text = document("R", {"a": "<&>", "b": None, "c": True, "d": ["x"], "e": []}, item="item").decode()
    assert text.endswith("<R><a>&lt;&amp;&gt;</a><c>true</c><d><item>x</item></d><e></e></R>")


def test_addresses_are_not_reused_before_the_network_is_used_up() -> None:
    pool, used = AddressPool("127.9"), set[str]()
    for _ in range(600):
        address = pool.take(used)
        assert address is not None
        assert address.split(".")[3] not in ("0", "255")
        assert address not in used
        used.add(address)
    used.clear()
    assert pool.take(used) != "127.9.0.2"


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    now = 0.0
    limits = ThrottleSettings(run=BucketSize(burst=1000, rate=2))
    throttle = Throttle(limits, lambda: now)

    def admitted() -> int:
        outcomes = []
        while "RequestLimitExceeded" not in outcomes:
            outcomes.append(_outcome_of_launch(throttle))
        return len(outcomes) - 1

    assert admitted() == 1000
    now = 10.0
    assert admitted() == 20
    assert admitted() == 0


def _outcome_of_launch(throttle: Throttle) -> str:
    try:
        throttle.admit("RunInstances", "us-east-1")
    except AwsError as error:
        return error.code
    return "admitted"
