"""Layouts of kernel structures and values of kernel enums, from the kernel's own type information.

BTF is a flat table of types that refer to each other by number, and a string table. Only structures,
unions, enums and typedef chains are read: by member name, never by kernel version.
Format: the kernel's Documentation/bpf/btf.rst.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from mmfuzz.errors import TargetUnavailable

VMLINUX: Final = "/sys/kernel/btf/vmlinux"

_MAGIC = 0xEB9F
_PTR, _ARRAY, _STRUCT, _UNION, _ENUM = 2, 3, 4, 5, 6
_ENUM64 = 19
_ALIASES = {8, 9, 10, 11, 18}
"""typedef, volatile, const, restrict, type tag: they only refer on."""

_TAIL_FIXED = {1: 4, _ARRAY: 12, 14: 4, 17: 4}
_TAIL_EACH = {_STRUCT: 12, _UNION: 12, _ENUM: 8, 13: 8, 15: 12, _ENUM64: 12}
"""Bytes that follow a type's 12-byte record, by kind: fixed, or for each of its entries."""


class Field(NamedTuple):
    """Where a member lies, in bytes from the start of the outermost structure."""

    offset: int
    size: int


class Btf:
    """The type information of one kernel image."""

    def __init__(self, data: bytes) -> None:
        magic, _, _, header, types_at, types_len, strings_at, strings_len = struct.unpack_from(
            "<HBBIIIII", data, 0
        )
        if magic != _MAGIC:
            raise TargetUnavailable(f"kernel type information has magic {magic:#x}, wanted {_MAGIC:#x}")
        self._data = data
        self._strings = data[header + strings_at : header + strings_at + strings_len]
        self._at = [0]
        self._ids: dict[tuple[int, int], int] = {}
        self._index(header + types_at, header + types_at + types_len)

    @classmethod
    def of_running_kernel(cls) -> Btf:
        """The kernel that we run on; about 50 ms."""
        with open(VMLINUX, "rb") as file:
            return cls(file.read())

    def _index(self, at: int, end: int) -> None:
        record = struct.Struct("<II").unpack_from
        wanted = {_STRUCT, _UNION, _ENUM, _ENUM64}
        positions, ids, data = self._at, self._ids, self._data
        while at < end:
            name, info = record(data, at)
            kind = info >> 24 & 0x1F
            if kind in wanted and name:
                ids.setdefault((kind, name), len(positions))
            positions.append(at)
            at += 12
            if kind in _TAIL_EACH:
                at += _TAIL_EACH[kind] * (info & 0xFFFF)
            elif kind in _TAIL_FIXED:
                at += _TAIL_FIXED[kind]

    def _name(self, offset: int) -> str:
        return self._strings[offset : self._strings.index(b"\0", offset)].decode()

    def _type(self, number: int) -> tuple[int, int, int, bool, int]:
        """(position, kind, entries, bit-field encoding, size or referred type)."""
        at = self._at[number]
        _, info, size = struct.unpack_from("<III", self._data, at)
        return at, info >> 24 & 0x1F, info & 0xFFFF, bool(info >> 31), size

    def _find(self, name: str, kinds: tuple[int, ...]) -> int | None:
        # The string table holds each string once, but a search may stop at the tail of a longer one.
        wanted = b"\0" + name.encode() + b"\0"
        at = self._strings.find(wanted)
        while at >= 0:
            for kind in kinds:
                if (kind, at + 1) in self._ids:
                    return self._ids[kind, at + 1]
            at = self._strings.find(wanted, at + 1)
        return None

    def _resolve(self, number: int) -> int:
        while True:
            _, kind, _, _, referred = self._type(number)
            if kind not in _ALIASES:
                return number
            number = referred

    def _size(self, number: int) -> int:
        at, kind, _, _, size = self._type(self._resolve(number))
        if kind == _PTR:
            return 8
        if kind == _ARRAY:
            element, _, count = struct.unpack_from("<III", self._data, at + 12)
            return self._size(element) * int(count)
        return size

    def _members(self, number: int, base: int) -> Iterator[tuple[str, Field]]:
        at, _, count, bitfields, _ = self._type(number)
        for i in range(count):
            name_at, member, bits = struct.unpack_from("<III", self._data, at + 12 + 12 * i)
            offset = base + (bits & 0xFFFFFF if bitfields else bits) // 8
            resolved = self._resolve(member)
            name = self._name(name_at)
            if name:
                yield name, Field(offset, self._size(member))
            elif self._type(resolved)[1] in (_STRUCT, _UNION):
                yield from self._members(resolved, offset)

    def members(self, structure: str) -> dict[str, Field]:
        """Members by name, those of anonymous inner structures included; empty when there is no such type."""
        number = self._find(structure, (_STRUCT, _UNION))
        return {} if number is None else dict(self._members(number, 0))

    def offset(self, structure: str, member: str) -> int:
        """Offset of a member that must exist, in bytes."""
        field = self.members(structure).get(member)
        if field is None:
            raise TargetUnavailable(f"this kernel's struct {structure} has no member {member}")
        return field.offset

    def sizeof(self, structure: str) -> int:
        """Size of a structure that must exist, in bytes."""
        number = self._find(structure, (_STRUCT, _UNION))
        if number is None:
            raise TargetUnavailable(f"this kernel has no struct {structure}")
        return self._size(number)

    def enum(self, name: str) -> dict[str, int]:
        """Values of an enum by name; empty when there is no such enum."""
        number = self._find(name, (_ENUM, _ENUM64))
        if number is None:
            return {}
        at, kind, count, _, _ = self._type(number)
        step = 8 if kind == _ENUM else 12
        entries = (struct.unpack_from("<Ii", self._data, at + 12 + step * i) for i in range(count))
        return {self._name(name_at): value for name_at, value in entries}
