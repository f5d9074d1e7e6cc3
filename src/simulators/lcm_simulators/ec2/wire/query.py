"""The query protocols: `Filter.1.Name=…&Filter.1.Value.1=…` as a tree."""

from urllib.parse import parse_qsl

Tree = dict[str, object]
"""Names to values: text, numbers, truth values, instants, lists and further trees."""

_MAX_PARAMETERS = 20_000


def parse_query(text: str) -> Tree:
    """Parse a form body; numbered names become lists in numeric order, `member` levels vanish."""
    root: Tree = {}
    for name, value in parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_PARAMETERS):
        node = root
        *parents, leaf = name.split(".")
        for part in parents:
            child = node.setdefault(part, {})
            if not isinstance(child, dict):
                child = node[part] = {}
            node = child
        node[leaf] = value
    return {name: _listed(value) for name, value in root.items()}


def _listed(value: object) -> object:
    if not isinstance(value, dict):
        return value
    if list(value) == ["member"]:
        return _listed(value["member"])
    if value and all(name.isdigit() for name in value):
        return [_listed(value[name]) for name in sorted(value, key=int)]
    return {name: _listed(child) for name, child in value.items()}
