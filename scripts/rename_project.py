#!/usr/bin/env python3
"""Turn this repository into a project of another name.

Replaces every spelling of the present name in text files and file names. Start with a dry run:

    python scripts/rename_project.py --new-name "Acme Tasks" --dry-run

Identifiers at the identity provider (realm, its file) change only with ``--update-keycloak``, because a running
Keycloak must then be configured again.
"""

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CURRENT_NAME = "Lablet Cloud Manager"
SKIPPED_FOLDERS = {".git", ".venv", ".tools", ".data", "node_modules", "__pycache__", "site", "dist", "build"}
IDENTITY = re.compile(r"keycloak|realm|\biss(uer)?\b", re.IGNORECASE)


@dataclass(frozen=True)
class Spellings:
    """One name in the styles that code and documents use."""

    title: str
    slug: str
    snake: str
    pascal: str
    upper: str

    @classmethod
    def of(cls, name: str) -> "Spellings":
        """Derive every style from a name in words. Raises ``ValueError`` for a name without letters."""
        words = re.findall(r"[A-Za-z0-9]+", name)
        if not words or not words[0][0].isalpha():
            raise ValueError(f"{name!r} is no project name: it must begin with a letter")
        lower = [word.lower() for word in words]
        return cls(
            title=" ".join(words),
            slug="-".join(lower),
            snake="_".join(lower),
            pascal="".join(word[:1].upper() + word[1:] for word in words),
            upper="_".join(word.upper() for word in words),
        )

    def pairs(self, new: "Spellings") -> list[tuple[str, str]]:
        """What is replaced by what, longest first."""
        mine = (self.title, self.slug, self.snake, self.pascal, self.upper)
        theirs = (new.title, new.slug, new.snake, new.pascal, new.upper)
        return sorted(zip(mine, theirs, strict=True), key=lambda pair: -len(pair[0]))


def text_files(root: Path, include: list[str]) -> Iterator[Path]:
    """The project's files: those git knows when there is a repository, else all outside of generated folders."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        check=False,
    )
    if listed.returncode == 0 and listed.stdout:
        paths = [root / os.fsdecode(name) for name in listed.stdout.split(b"\0") if name]
    else:
        paths = [path for path in root.rglob("*") if not SKIPPED_FOLDERS & set(path.relative_to(root).parts)]
    wanted = [root / folder for folder in include]
    for path in sorted(paths):
        if path.is_file() and (not wanted or any(path.is_relative_to(folder) for folder in wanted)):
            yield path


def renamed_line(line: str, pairs: list[tuple[str, str]], *, identity: bool) -> str:
    """One line with every spelling replaced, unless it names something at the identity provider that must stay."""
    if not identity and IDENTITY.search(line):
        return line
    for old, new in pairs:
        line = line.replace(old, new)
    return line


def rename_file(path: Path, pairs: list[tuple[str, str]], *, identity: bool, write: bool) -> int:
    """Replace in one file and return how many lines change; binary files are left alone."""
    try:
        before = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return 0
    lines = before.splitlines(keepends=True)
    after = [renamed_line(line, pairs, identity=identity) for line in lines]
    changed = sum(1 for old, new in zip(lines, after, strict=True) if old != new)
    if changed and write:
        path.write_text("".join(after), encoding="utf-8")
    return changed


def rename_path(path: Path, root: Path, pairs: list[tuple[str, str]], *, identity: bool, write: bool) -> Path | None:
    """Rename a file whose own name holds a spelling; the new path, None when nothing changes."""
    relative = str(path.relative_to(root))
    new = root / renamed_line(relative, pairs, identity=identity)
    if new == path:
        return None
    if write:
        new.parent.mkdir(parents=True, exist_ok=True)
        path.rename(new)
    return new


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Rename the project.")
    parser.add_argument("--new-name", required=True, help='in words, as in "Acme Tasks"')
    parser.add_argument("--dry-run", action="store_true", help="only say what would change")
    parser.add_argument("--include", nargs="+", default=[], metavar="FOLDER", help="limit to these folders")
    parser.add_argument("--update-keycloak", action="store_true", help="also rename the realm and its file")
    parser.add_argument("--root", type=Path, default=ROOT, help="the repository (default: this one)")
    for style in ("title", "slug", "snake", "pascal", "upper"):
        parser.add_argument(f"--{style}", help=f"this {style} spelling instead of the derived one")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Rename; 2 with a message for an unusable name."""
    options = parse(arguments)
    try:
        derived = Spellings.of(options.new_name)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    new = Spellings(
        title=options.title or derived.title,
        slug=options.slug or derived.slug,
        snake=options.snake or derived.snake,
        pascal=options.pascal or derived.pascal,
        upper=options.upper or derived.upper,
    )
    pairs = Spellings.of(CURRENT_NAME).pairs(new)
    root, identity, write = options.root.resolve(), options.update_keycloak, not options.dry_run
    files = lines = 0
    for path in list(text_files(root, options.include)):
        # Everything in this folder is the identity provider's, whatever its lines say.
        if not identity and "keycloak" in path.relative_to(root).parts:
            continue
        changed = rename_file(path, pairs, identity=identity, write=write)
        moved = rename_path(path, root, pairs, identity=identity, write=write)
        if changed or moved:
            files, lines = files + 1, lines + changed
            target = f" -> {moved.relative_to(root)}" if moved else ""
            print(f"{path.relative_to(root)}: {changed} lines{target}")
    print(f"{'would change' if options.dry_run else 'changed'} {lines} lines in {files} files")
    return 0


if __name__ == "__main__":
    sys.exit(main())
