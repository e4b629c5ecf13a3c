"""The rules of an era, all in one place: mechanisms read these switches and know no versions."""

from __future__ import annotations

from dataclasses import dataclass

from mmfuzz.errors import UsageError


@dataclass(frozen=True, slots=True)
class Profile:
    """What differs between kernels, as far as the mechanisms here go."""

    name: str
    """The first release that has all of these rules."""
    pin_bias: int
    """What a FOLL_PIN adds to the refcount of a base page; large folios have `_pincount`."""
    batch_size: int
    """PAGEVEC_SIZE: folios of an LRU batch before it drains by itself."""
    zero_page_at_split: bool
    """A split maps the shared zero page in place of zero-filled pages (b1f202060afe, v6.12)."""
    large_reuse: bool
    """A write fault may reuse a page of a large folio in place (1da190f4d0a6, v6.15)."""


PROFILES: dict[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile(name="6.18", pin_bias=1024, batch_size=31, zero_page_at_split=True, large_reuse=True),
    )
}
"""Every profile by the release that it begins with, oldest first."""


def resolve(version: str) -> Profile:
    """The newest profile that is not above a version such as `6.18` or `6.18.44`.

    Raises `UsageError` for what is not a version, and for one that is older than every profile.
    """
    wanted = _numbers(version)
    fitting = [name for name in PROFILES if _numbers(name) <= wanted]
    if not fitting:
        raise UsageError(
            f"no kernel profile at or below {version!r}: the oldest is {min(PROFILES, key=_numbers)}"
        )
    return PROFILES[max(fitting, key=_numbers)]


def _numbers(version: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in version.split("."))
    except ValueError:
        known = ", ".join(PROFILES)
        raise UsageError(f"{version!r} is not a kernel version: give one such as {known}") from None
