"""Each package declares what it imports: an image holds nothing that happens to be installed here."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

SOURCES = Path(__file__).resolve().parents[2] / "src"
PACKAGES = sorted(path.parent for path in SOURCES.glob("*/pyproject.toml"))
# A wheel that supplies several import names, or imports that a declared library brings by its own contract.
BROUGHT_BY = {
    "starlette": "fastapi",
    "bson": "pymongo",
    "gridfs": "pymongo",
    "google": "grpcio",
    "botocore": "boto3",
    "typing_extensions": "pydantic",
    "classy_fastapi": "neuroglia-python",
    "anyio": "httpx",
    "click": "typer",
}

LOADED_BY_OTHERS = {
    "grpcio": "the transport of aetcd, at a version that has the options the client sets",
    "httptools": "uvicorn is told its name",
    "python-multipart": "FastAPI reads forms and uploads with it",
    "python-keycloak": "an independent client, with which the tests of the identity provider speak",
    "websockets": "uvicorn is told its name",
}
"""Declared and imported by no module of the package, with the reason."""
PAGE = SOURCES.parent / "docs" / "architecture" / "dependencies.md"


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def asked_for(folder: Path) -> set[str]:
    """Distributions that the package itself asks for, those of this project left out."""
    project = tomllib.loads((folder / "pyproject.toml").read_text())
    names = {normalized(re.split(r"[\s\[<>=!~;]", line)[0]) for line in project["project"]["dependencies"]}
    return names - {"lcm-core"}


def declared(folder: Path) -> set[str]:
    """Distributions the package asks for; a package of this project counts with all that it asks for."""
    project = tomllib.loads((folder / "pyproject.toml").read_text())
    names = {normalized(re.split(r"[\s\[<>=!~;]", line)[0]) for line in project["project"]["dependencies"]}
    return names | (declared(SOURCES / "core") if "lcm-core" in names else set())


class _WithoutTypeChecking(ast.NodeTransformer):
    """Drops what only a type checker imports."""

    def visit_If(self, node: ast.If) -> ast.AST | None:
        return None if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING" else node


def imported(folder: Path) -> set[str]:
    """Top-level names that the package's modules import, those of the standard library and its own left out."""
    own = next(path.parent for path in folder.glob("*/__init__.py") if path.parent.name != "tests")
    names: set[str] = set()
    for module in own.rglob("*.py"):
        if module.name in ("pytest_plugin.py", "resting.py"):  # loaded by pytest alone
            continue
        for node in ast.walk(_WithoutTypeChecking().visit(ast.parse(module.read_text()))):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.split(".")[0])
    return names - set(sys.stdlib_module_names) - {own.name}


@pytest.mark.parametrize("folder", PACKAGES, ids=lambda path: path.name)
def test_every_import_comes_from_a_declared_dependency(folder: Path) -> None:
    allowed, suppliers = declared(folder), packages_distributions()
    missing = {
        name
        for name in imported(folder)
        if normalized(BROUGHT_BY.get(name, name)) not in allowed
        and not {normalized(supplier) for supplier in suppliers.get(name, [])} & allowed
    }
    assert missing == set()


@pytest.mark.parametrize("folder", PACKAGES, ids=lambda path: path.name)
def test_every_declared_dependency_is_imported_or_says_who_loads_it(folder: Path) -> None:
    suppliers, names = packages_distributions(), imported(folder)
    used = {normalized(supplier) for name in names for supplier in suppliers.get(name, [])}
    used |= {normalized(BROUGHT_BY.get(name, name)) for name in names}
    assert asked_for(folder) - used - set(LOADED_BY_OTHERS) == set()


def test_every_declared_dependency_is_explained() -> None:
    lines = [line.split("|") for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    explained = {normalized(name) for cells in lines for name in re.findall(r"[\w.-]+", cells[1])}
    asked = {name for folder in PACKAGES for name in asked_for(folder)}
    assert asked - explained == set(), "each needs a line in docs/architecture/dependencies.md"


def test_no_line_explains_a_dependency_that_nobody_asks_for() -> None:
    table = PAGE.read_text().split("## Console")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| ") and "| library |" not in line]
    explained = {normalized(name) for row in rows for name in re.findall(r"[\w.-]+", row)}
    asked = {name for folder in PACKAGES for name in asked_for(folder)}
    assert explained - asked == set()
