"""Refusals in AWS's words.

Codes and statuses are those of the EC2, CloudWatch and S3 API references.
"""


class AwsError(Exception):
    """A refused call: AWS's error code, a message for people, the HTTP status and, for S3, the resource."""

    def __init__(self, code: str, message: str, status: int = 400, resource: str = "") -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.resource = resource


def missing_parameter(name: str) -> AwsError:
    """A required parameter was not given."""
    return AwsError("MissingParameter", f"The request must contain the parameter {name}")


def invalid_value(name: str, value: object, why: str = "") -> AwsError:
    """A parameter has a value that is not allowed."""
    return AwsError("InvalidParameterValue", f"Invalid value '{value}' for {name}.{' ' + why if why else ''}")


def instance_not_found(instance_ids: list[str]) -> AwsError:
    """Ids that are unknown, or not visible yet."""
    if len(instance_ids) == 1:
        return AwsError("InvalidInstanceID.NotFound", f"The instance ID '{instance_ids[0]}' does not exist")
    return AwsError("InvalidInstanceID.NotFound", f"The instance IDs '{', '.join(instance_ids)}' do not exist")


def incorrect_state(instance_id: str, action: str) -> AwsError:
    """The instance's state does not allow the action (a past participle such as `started`)."""
    return AwsError(
        "IncorrectInstanceState", f"The instance '{instance_id}' is not in a state from which it can be {action}."
    )


def no_capacity(instance_type: str, zone: str) -> AwsError:
    """The zone has no machine of the type; a server error in EC2."""
    return AwsError(
        "InsufficientInstanceCapacity",
        f"There is no {instance_type} capacity left in the Availability Zone {zone}; try another zone, or later.",
        500,
    )


def dry_run() -> AwsError:
    """The answer of a permitted call with DryRun."""
    return AwsError("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412)
