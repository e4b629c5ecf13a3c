"""What things are called in reports: addresses, folios, and every owner of a folio."""

from __future__ import annotations

from mmfuzz.model.owners import DevicePage, Folio, Owned, Page, Slot, Where
from mmfuzz.observation import ZERO
from mmfuzz.ops import FILES


def describe(owned: Owned) -> str:
    """An address's content for a person."""
    if type(owned) is Page:
        return f"frame {owned.folio.head + owned.index}"
    if type(owned) is Slot:
        return f"swap slot {owned.number}"
    if type(owned) is DevicePage:
        return f"frame {owned.folio.head} of the device"
    return "the zero page" if owned is ZERO else "nothing"


def address(where: Where) -> str:
    """An address as programs spell it; a page of a file for a swap entry in a page cache."""
    if where[0] < 0:
        return f"{FILES[-1 - where[0]].name}.{where[2]}"
    return f"p{where[0]} a{where[1]}.{where[2]}"


def folio_name(folio: Folio) -> str:
    """A folio as reports name it."""
    return f"folio at frame {folio.head}, order {folio.order}"


def owners(folio: Folio) -> list[str]:
    """Every owner of a folio by name: PMDs, PTEs, pins, gets, swap cache, LRU batches."""
    names = [f"mapped whole by p{process} a{area}" for process, area in sorted(folio.pmds)]
    for page in folio.pages:
        at = f" of page {page.index}" if folio.order else ""
        names += [f"PTE{at} at {address(where)}" for where in sorted(page.maps)]
        for handle in sorted(page.pins, key=repr):
            names.append(f"pin{at} {handle} taken by {handle.process}")
        for handle in sorted(page.gets, key=repr):
            names.append(f"get{at} {handle} taken by {handle.process}")
    if folio.file is not None:
        last = folio.first + len(folio.pages) - 1
        names.append(f"page cache of {folio.file}, page {folio.first}" + (f"..{last}" if folio.order else ""))
    if folio.private:
        names.append("private data of the file system")
    if folio.slot is not None:
        last = folio.slot + len(folio.pages) - 1
        names.append(f"swap cache at slot {folio.slot}" + (f"..{last}" if folio.order else ""))
    names += ["an LRU batch"] * folio.batches
    return names
