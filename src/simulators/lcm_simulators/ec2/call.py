"""A call as it came in, told apart by its signature and shape."""

import re
import uuid
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import parse_qsl, unquote

from starlette.types import Scope

from lcm_simulators.ec2.errors import AwsError
from lcm_simulators.ec2.wire import cbor, json_tree
from lcm_simulators.ec2.wire.query import Tree, parse_query

DEFAULT_REGION = "us-east-1"
_SCOPE = re.compile(r"Credential=([^/,]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")
_CBOR_PATH = re.compile(r"/service/[^/]+/operation/([^/]+)$")
_API_VERSIONS = {"2016-11-15": "ec2", "2010-08-01": "monitoring", "2011-06-15": "sts", "2010-05-08": "iam"}


class Protocol(StrEnum):
    """How a call was written, and so how its answer must be."""

    EC2 = "ec2"
    QUERY = "query"
    CBOR = "cbor"
    JSON = "json"
    REST_XML = "rest-xml"


@dataclass(slots=True)
class Call:
    """One call. `key` and `note` go into the journal; handlers may set `note`."""

    service: str
    region: str
    protocol: Protocol
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    action: str = ""
    parameters: Tree = field(default_factory=dict)
    key: str = ""
    note: str = ""
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))


def read_call(scope: Scope, body: bytes) -> Call:
    """Tell service, region, protocol and parameters of a request. Raises `AwsError` for a body that cannot be read."""
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    text = scope["query_string"].decode("latin-1")
    query = dict(parse_qsl(text, keep_blank_values=True))
    service, region = _signed_for(headers, query)
    path = unquote(scope.get("raw_path", b"").decode("latin-1").split("?")[0] or scope["path"])
    call = Call(service, region, Protocol.REST_XML, scope["method"], path, query, headers, body)
    form = headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    rpc = _CBOR_PATH.search(path)
    if "x-amz-target" in headers:
        call.protocol, call.action = Protocol.JSON, headers["x-amz-target"].rpartition(".")[2]
        call.parameters = json_tree.decode(body)
    elif rpc and headers.get("smithy-protocol"):
        call.protocol, call.action = Protocol.CBOR, rpc.group(1)
        call.parameters = cbor.decode_tree(body)
    elif (form and service != "s3") or "Action" in query:
        _read_form(call, body.decode("utf-8", "replace") if form else text)
    call.service = call.service or "s3"
    return call


def _signed_for(headers: dict[str, str], query: dict[str, str]) -> tuple[str, str]:
    """Service and region of the signature, in a header or in a presigned address; ("", default) without one."""
    signed = _SCOPE.search(headers.get("authorization", ""))
    if signed is not None:
        return signed.group(3), signed.group(2)
    parts = query.get("X-Amz-Credential", "").split("/")
    return (parts[3], parts[2]) if len(parts) == 5 else ("", DEFAULT_REGION)


def _read_form(call: Call, text: str) -> None:
    call.parameters = parse_query(text)
    action, version = call.parameters.pop("Action", ""), call.parameters.pop("Version", "")
    if not isinstance(action, str) or not action:
        raise AwsError("MissingAction", "The request is missing an Action.")
    call.action = action
    call.service = call.service or _API_VERSIONS.get(str(version), "ec2")
    call.protocol = Protocol.EC2 if call.service == "ec2" else Protocol.QUERY
    call.key = _key_of(call.parameters)


def _key_of(parameters: Tree) -> str:
    """What the call is about: its client token, else its first instance or resource id."""
    for name in ("ClientToken", "InstanceId", "ResourceId", "ImageId"):
        value = parameters.get(name)
        if isinstance(value, list) and value:
            value = value[0]
        if isinstance(value, str):
            return value
    return ""
