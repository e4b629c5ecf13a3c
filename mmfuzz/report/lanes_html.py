"""Executions of races as a page: lanes with arrows from each write to who read it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mmfuzz import __version__
from mmfuzz.report.lanes import Fold, Heading, Picture, Step, Switch
from mmfuzz.report.pages import template, write_page


def write_lanes(pictures: Sequence[Picture], path: Path) -> None:
    """Write the page: at once and complete, or not at all."""
    write_page(lambda: lanes_page(pictures), path)


def lanes_page(pictures: Sequence[Picture]) -> str:
    """The whole page; it asks for nothing beside itself."""
    return template("race").render(pictures=pictures, kind_of=_kind_of, version=__version__)


def _kind_of(row: object) -> str:
    """The name of a kind of row, as the template asks for it."""
    return {Step: "step", Heading: "heading", Fold: "fold", Switch: "switch"}[type(row)]
