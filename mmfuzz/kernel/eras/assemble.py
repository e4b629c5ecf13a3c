"""The one place that reads a profile's switches and turns them into code.

The rooms of the kernel are written for the newest rules and contain no `if`. What an older kernel did
differently is a class that overrides the routine in question, just as a planted bug is, so a kernel of any
era is the sum of the rooms and of the classes that its profile asks for.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from mmfuzz.kernel.eras import collapse, compound, cow, device, files, mapcounts, pins, reclaim, whole, zram
from mmfuzz.kernel.kernel import Kernel
from mmfuzz.profiles import Profile


@cache
def assemble(profile: Profile, swap: str = "disk") -> type[Kernel]:
    """The kernel class that has the rules of a profile, and swaps to a `disk`, or at once to `zram`."""
    parts = (*(_on_zram(profile) if swap == "zram" else ()), *_parts(profile))
    return type(f"Kernel {profile.name}", (*parts, Kernel), {}) if parts else Kernel


def _parts(profile: Profile) -> Iterator[type[Kernel]]:
    """The classes that a profile asks for: of two that override one routine the older rule comes first."""
    yield from _devices(profile)
    yield from _compound_pages(profile)
    yield from _mapcounts(profile)
    yield from _copy_on_write(profile)
    yield from _pins(profile)
    yield from _moves(profile)
    yield from _files(profile)


def _devices(profile: Profile) -> Iterator[type[Kernel]]:
    if profile.device_base:
        yield device.FreeAtOne
    elif profile.device_idle:
        yield device.IdleAtOne
    if profile.dax_base:
        yield device.DaxIdleAtOne
        if not profile.device_base:
            yield device.DaxWakesAtOne
    if not profile.dax_maps_counted:
        yield device.DaxMapsUncounted
    if not profile.device_takes_cached:
        yield device.CachedStays


def _compound_pages(profile: Profile) -> Iterator[type[Kernel]]:
    if profile.tail_refs == "count":
        yield compound.TailCounts
    elif profile.tail_refs == "mapcount":
        yield compound.TailMapcounts
    if not profile.mixed_maps:
        yield whole.SplitsWhole
        yield whole.MapsInHead
    if not profile.huge_zero_page:
        yield whole.NoHugeZeroPage
    if profile.huge_batches:
        yield whole.HugePagesInBatches


def _on_zram(profile: Profile) -> Iterator[type[Kernel]]:
    yield zram.SynchronousWrites
    if profile.swap_bypass:
        yield zram.SwapinBypass


def _mapcounts(profile: Profile) -> Iterator[type[Kernel]]:
    if profile.double_map:
        yield mapcounts.DoubleMap
    if not profile.large_mapcount:
        yield mapcounts.NoLargeMapcount
    elif not profile.mm_ids:
        yield mapcounts.NoMmIds


def _copy_on_write(profile: Profile) -> Iterator[type[Kernel]]:
    if profile.copies_huge:
        yield cow.CopiesHuge
    if profile.get_breaks_cow:
        yield cow.GetBreaksCow
    if profile.cow == "mapcount":
        yield cow.ReuseByMapcount
    elif profile.cow == "count":
        yield cow.ReuseByCount
    if not profile.large_reuse and profile.cow != "mapcount":
        yield cow.NoLargeReuse
    if not profile.exclusive:
        yield cow.NoExclusiveFlag
    if not profile.fork_copies_pinned:
        yield cow.ForkSharesPinned


def _pins(profile: Profile) -> Iterator[type[Kernel]]:
    if profile.pins == "none":
        yield pins.PlainReferences
    elif profile.pins == "page-bit":
        yield pins.PageBit
    elif profile.pins == "lru-field":
        yield pins.LruField
    if not profile.stable_files:
        yield pins.FilesPinnedForWriting
    if profile.zero_page_counted:
        yield pins.ZeroPageCounted
    if not profile.pin_unshares_zero:
        yield pins.ZeroPagePinned


def _moves(profile: Profile) -> Iterator[type[Kernel]]:
    if not profile.zero_page_at_split:
        yield reclaim.SplitKeepsZeroes
    if not profile.swap_huge:
        yield reclaim.SplitBeforeSwap
    if not profile.reclaim_spares_pinned:
        yield reclaim.ReclaimsPinned
    if not profile.migrate_huge:
        yield reclaim.SplitBeforeMigration
    if not profile.collapse_swapin:
        yield collapse.NothingSwapped
    elif profile.collapse_limits:
        yield collapse.Khugepaged
    if profile.cow in ("mapcount", "count"):
        yield collapse.NotWhatIsCachedAndShared
    if profile.collapse == "base-unshared":
        yield collapse.OnlyUnsharedBasePages
    elif profile.collapse == "shared":
        yield collapse.RefcountSuitable
    elif profile.collapse == "file":
        yield collapse.FileTerms


def _files(profile: Profile) -> Iterator[type[Kernel]]:
    if not profile.file_huge:
        yield files.NoHugeFiles
    if not profile.large_cache:
        yield files.NoLargeCache
    if not profile.shmem_swap_huge:
        yield files.ShmemSplitBeforeSwap
    if profile.finish_maps == "page":
        yield files.FinishMapsOnePage
    elif profile.finish_maps == "shmem":
        yield files.FinishMapsShmem
    if profile.fault_form == "do_set_pte":
        yield files.EarlyTable
    elif profile.fault_form == "alloc_set_pte":
        yield files.AllocSetPte
