"""Faults in AWS's shape.

The kinds are those of every simulator. `throttle` and `status` answer an AWS error in the protocol of the call: the
body of the fault may be `{"code": …, "message": …}`, else the code follows from the status.
"""

from lcm_simulators.common.faults import Fault, FaultKind
from lcm_simulators.ec2.call import Call, Protocol
from lcm_simulators.ec2.errors import AwsError

_CODES = {
    400: "InvalidParameterValue",
    401: "AuthFailure",
    403: "UnauthorizedOperation",
    404: "InvalidInstanceID.NotFound",
    500: "InternalError",
    503: "Unavailable",
}


def fault_error(fault: Fault, call: Call) -> AwsError:
    """The refusal that a fault stands for."""
    given = fault.body if isinstance(fault.body, dict) else {}
    if fault.kind is FaultKind.THROTTLE:
        code, status = _throttled(call.protocol)
        message = "Request limit exceeded."
    else:
        status = fault.status or 500
        code, message = _CODES.get(status, "InternalError"), "An injected fault."
    return AwsError(str(given.get("code", code)), str(given.get("message", message)), fault.status or status)


def _throttled(protocol: Protocol) -> tuple[str, int]:
    """Each service throttles in its own words."""
    if protocol is Protocol.EC2:
        return "RequestLimitExceeded", 503
    return ("SlowDown", 503) if protocol is Protocol.REST_XML else ("Throttling", 400)
