"""Answers and refusals in the protocol of the call."""

from lcm_simulators.ec2.call import Call, Protocol
from lcm_simulators.ec2.errors import AwsError
from lcm_simulators.ec2.reply import Reply
from lcm_simulators.ec2.wire import cbor, json_tree, xml
from lcm_simulators.ec2.wire.query import Tree

_EC2_NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"
_CLOUDWATCH_NAMESPACE = "http://monitoring.amazonaws.com/doc/2010-08-01/"
_XML = {"Content-Type": "text/xml;charset=UTF-8"}
_JSON = {"Content-Type": "application/x-amz-json-1.0"}
_CBOR = {"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}


def answered(call: Call, tree: Tree) -> Reply:
    """A success."""
    match call.protocol:
        case Protocol.EC2:
            body = {"requestId": call.request_id, **tree}
            return Reply(200, xml.document(f"{call.action}Response", body, namespace=_EC2_NAMESPACE, item="item"), _XML)
        case Protocol.CBOR:
            return Reply(200, cbor.encode(tree), _CBOR)
        case Protocol.JSON:
            return Reply(200, json_tree.encode(tree), _JSON)
        case _:
            body = {f"{call.action}Result": tree, "ResponseMetadata": {"RequestId": call.request_id}}
            name = f"{call.action}Response"
            return Reply(200, xml.document(name, body, namespace=_CLOUDWATCH_NAMESPACE, item="member"), _XML)


def refused(call: Call, error: AwsError) -> Reply:
    """A refusal."""
    sender = "Receiver" if error.status >= 500 else "Sender"
    match call.protocol:
        case Protocol.EC2:
            wrapped: Tree = {"Errors": {"Error": {"Code": error.code, "Message": error.message}}}
            body = xml.document("Response", {**wrapped, "RequestID": call.request_id})
            return Reply(error.status, body, _XML)
        case Protocol.CBOR | Protocol.JSON:
            tree: Tree = {"__type": error.code, "message": error.message}
            query_error = {"x-amzn-query-error": f"{error.code};{sender}"}
            if call.protocol is Protocol.CBOR:
                return Reply(error.status, cbor.encode(tree), {**_CBOR, **query_error})
            return Reply(error.status, json_tree.encode(tree), {**_JSON, **query_error})
        case Protocol.QUERY:
            detail = {"Type": sender, "Code": error.code, "Message": error.message}
            body = xml.document("ErrorResponse", {"Error": detail, "RequestId": call.request_id})
            return Reply(error.status, body, _XML)
        case Protocol.REST_XML:
            told = {"Code": error.code, "Message": error.message, "Resource": error.resource or None}
            body = xml.document("Error", {**told, "RequestId": call.request_id})
            return Reply(error.status, body, {"Content-Type": "application/xml"})
