"""Pages: each is one file that asks for nothing beside itself, made of a template in `templates/`."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from mmfuzz.errors import MissingPackage, UsageError

if TYPE_CHECKING:
    from jinja2 import Template


def check_page(path: Path) -> None:
    """Whether a page can be written there; better asked before the work than after it."""
    _check_folder(path)
    if find_spec("jinja2") is None:
        raise MissingPackage("pages need Jinja2: pip install 'mmfuzz[report]'")


def write_page(make: Callable[[], str], path: Path) -> None:
    """Write a page: at once and complete, or not at all."""
    check_page(path)
    write_text(make(), path)


def write_text(text: str, path: Path) -> None:
    """Write a file: at once and complete, or not at all."""
    _check_folder(path)
    handle, temporary = tempfile.mkstemp(prefix=".", suffix=path.suffix, dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(temporary, 0o644)
        os.rename(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _check_folder(path: Path) -> None:
    if not path.parent.is_dir():
        raise UsageError(f"no such folder: {str(path.parent)!r}")


def template(name: str) -> Template:
    """The template of a page; a name that it uses and is not given is an error."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("mmfuzz.report"), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template(f"{name}.html.j2")
