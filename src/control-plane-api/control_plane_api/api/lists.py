"""Query parameters of lists, made from the rules of each kind so that they are documented and checked by name."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import Depends, Query
from pydantic import BaseModel, ConfigDict, Field, create_model

from control_plane_api.application.listing import ListRequest, ListRules

LARGEST_PAGE = 200


class _Page(BaseModel):
    """What every list takes."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=50, ge=1, le=LARGEST_PAGE, description="Items per page.")
    cursor: str = Field(default="", max_length=2000, description="next_cursor of the page before.")
    sort: str = Field(default="", max_length=60, description="Field to sort by; a leading minus sorts downwards.")


def list_parameters(rules: ListRules, name: str) -> Any:
    """A dependency that reads one page's parameters into a ``ListRequest``."""
    fields: dict[str, Any] = {
        parameter: (str, Field(default="", max_length=500, description="Only these; commas separate alternatives."))
        for parameter in rules.filters
    }
    model = create_model(f"{name}ListParameters", __base__=_Page, **fields)

    async def read(parameters: BaseModel) -> ListRequest:
        values = parameters.model_dump()
        filters = {key: values[key] for key in rules.filters if values[key]}
        return ListRequest(filters, values["sort"], values["cursor"], values["limit"])

    read.__annotations__["parameters"] = Annotated[model, Query()]
    reader: Callable[..., Awaitable[ListRequest]] = read
    return Depends(reader)
