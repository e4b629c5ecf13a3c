"""An execution of a race on a terminal: lanes side by side, or as plain lines where nobody looks at colours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from textwrap import wrap

from rich.text import Text

from mmfuzz.report.lanes import Fold, Heading, Picture, Row, Step, Switch

WIDTH = 100
"""Columns of a picture at most: what is wider is harder to follow from lane to lane."""
LANE_MIN = 26
"""Columns of a lane at least; a terminal that is too narrow for so many is written beyond its edge."""

NO_BREAK = "\xa0"
"""In place of a space where no line may end: an arrow stands beside the number that it comes from."""

_GUTTER = 5
_BETWEEN = " | "
_VERB = 8
_STYLES = {
    "load": "",
    "store": "bold",
    "rmw": "bold",
    "flush": "bold",
    "fence": "cyan",
    "ipi": "cyan",
    "irq": "cyan",
    "rcu": "cyan",
    "lock": "magenta",
    "unlock": "magenta",
    "trylock": "magenta",
}
_FAILED = "bold red"
_ODD = "yellow"
_SOFT = "dim"

Styled = tuple[str, str]
"""A line of one lane, and its style."""


def picture_lines(picture: Picture, width: int = WIDTH) -> Iterator[Text]:
    """The whole picture, a line at a time, none of them wider than `width` where that can be."""
    lanes = _Lanes(picture, min(width, WIDTH))
    yield Text(picture.title, style="bold")
    yield Text(picture.figures)
    failed = bool(picture.execution.failed)
    yield from _wrapped(picture.verdict, lanes.width, _FAILED if picture.execution.broken else "")
    yield Text()
    yield from lanes.head()
    for row in picture.rows:
        yield from lanes.row(row)
    if failed and picture.execution.failed_at is None:
        yield from _wrapped(f">>>> {picture.verdict}", lanes.width, _FAILED)
    yield Text()
    yield from _below(picture, lanes.width)


def _below(picture: Picture, width: int) -> Iterator[Text]:
    """What else there is to say: the state at the end, data races, the schedule, and how to have it again."""
    for line in picture.execution.lines:
        yield from _wrapped(line, width, "", hang=6)
    if picture.execution.lines:
        yield Text()
    for race in picture.races:
        yield from _wrapped(race, width, _ODD, hang=2)
    legend = "<- #N: the write that was read; without it, what was there before the threads began"
    if picture.folded:
        legend = f"...: {picture.folded} steps that no other thread has to do with; {legend}"
    yield from _wrapped(legend, width, _SOFT, hang=2)
    yield from _pieces("schedule: ", str(picture.execution.schedule) or "(none)", width)
    if picture.replay:
        yield Text(f"replay:   {picture.replay}")


class _Lanes:
    """Lanes of one width, with the numbers of steps to their left."""

    def __init__(self, picture: Picture, width: int) -> None:
        count = len(picture.letters)
        self._picture = picture
        lane = (width - _GUTTER - len(_BETWEEN) * (count - 1)) // count
        self._lane = max(LANE_MIN, lane)
        self.width = max(width, _GUTTER + self._lane * count + len(_BETWEEN) * (count - 1))
        shown = [row for row in picture.rows if isinstance(row, Step) and row.verb and row.value]
        longest = max((len(step.what) for step in shown), default=0)
        # What is longer pushes its value to the right, so that one long name does not do it to all.
        self._what = min(longest, self._lane * 2 // 5)

    def head(self) -> Iterator[Text]:
        """The names of the threads."""
        names = zip(self._picture.letters, self._picture.execution.threads, strict=True)
        cells = [wrap(f"{letter}  {name}", self._lane, subsequent_indent="   ") for letter, name in names]
        for texts in zip_longest(*cells, fillvalue=""):
            yield self._line("", [(text, "bold") for text in texts])
        yield self._line("", [("-" * self._lane, "")] * len(cells))

    def row(self, row: Row) -> Iterator[Text]:
        """The lines of one row; everybody else's lane is empty there."""
        if isinstance(row, Switch):
            yield self._switch(row)
        elif isinstance(row, Heading):
            for text in wrap(row.text, self._lane):
                yield self._in(row.thread, text, "bold underline" if row.operation else "italic")
        elif isinstance(row, Fold):
            for text in self._fold(row):
                yield self._in(row.thread, text, _SOFT)
        else:
            yield from self._step(row)

    def _step(self, step: Step) -> Iterator[Text]:
        number = f"{step.number:>{_GUTTER - 1}}"
        for text, style in self._step_lines(step):
            yield self._in(step.thread, text, _FAILED if step.failed else style, number)
            number = ""
        if step.failed:
            yield from _wrapped(f">>>> {self._picture.verdict}", self.width, _FAILED)

    def _step_lines(self, step: Step) -> Iterator[Styled]:
        style = _ODD if step.remarks else _STYLES.get(step.kind, "")
        verb = f"{step.verb:<{_VERB - 1}} " if step.verb else ""
        value = _whole(step.value) if len(step.value) < self._lane // 2 else step.value
        text = f"{verb}{step.what:<{self._what}}  {value}" if value else f"{verb}{step.what}"
        if step.seen:
            text += f"  {_whole(f'<- {step.seen}')}"
        for line in _wrap_lane(text, self._lane, len(verb) + 2):
            yield line, style
        for remark in step.remarks:
            for line in wrap(f"! {remark}", self._lane - 2, subsequent_indent="  ", break_on_hyphens=False):
                yield f"  {line}", _ODD

    def _fold(self, fold: Fold) -> list[str]:
        """How many steps, and on what, as far as it fits on two lines."""
        text = f"... {len(fold.steps)} steps: {', '.join(map(_whole, fold.cells))}"
        lines = wrap(text, self._lane, subsequent_indent="    ", max_lines=2, placeholder=" ...")
        return [line.replace(NO_BREAK, " ") for line in lines]

    def _switch(self, switch: Switch) -> Text:
        letter = self._picture.letters[switch.thread]
        text = f" {letter} goes on "
        line = Text("-" * _GUTTER, style=_SOFT)
        for index in range(len(self._picture.letters)):
            if index:
                line.append("-+-")
            line.append((text if index == switch.thread else "").ljust(self._lane, "-"))
        return line

    def _in(self, thread: int, text: str, style: str, number: str = "") -> Text:
        count = len(self._picture.letters)
        return self._line(number, [(text, style) if index == thread else ("", "") for index in range(count)])

    def _line(self, number: str, cells: Sequence[Styled]) -> Text:
        line = Text(f"{number:<{_GUTTER}}", style="")
        line.stylize(_SOFT)
        for index, (text, style) in enumerate(cells):
            if index:
                line.append(_BETWEEN, style=_SOFT)
            line.append(f"{text:<{self._lane}}", style=style)
        line.rstrip()
        return line


def _whole(text: str) -> str:
    return text.replace(" ", NO_BREAK)


def _wrap_lane(text: str, width: int, hang: int) -> list[str]:
    """Lines of a lane: spaces that align what stands in it stay."""
    if len(text) > width:
        indent = " " * min(hang, width // 2)
        lines = wrap(text, width, subsequent_indent=indent, break_on_hyphens=False)
    else:
        lines = [text]
    return [line.replace(NO_BREAK, " ") for line in lines]


def _wrapped(text: str, width: int, style: str, hang: int = 5) -> Iterator[Text]:
    indent = " " * (len(text) - len(text.lstrip()))
    more = indent + " " * hang
    for line in wrap(text.strip(), width, initial_indent=indent, subsequent_indent=more) or [""]:
        yield Text(line, style=style)


def _pieces(name: str, text: str, width: int) -> Iterator[Text]:
    """A long word, cut at the width."""
    room = width - len(name)
    for start in range(0, len(text), room):
        yield Text((name if not start else " " * len(name)) + text[start : start + room])
