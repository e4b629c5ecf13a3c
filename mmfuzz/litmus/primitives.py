"""The primitives that a litmus test may call: the names of linux-kernel.def, and what each of them orders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Action: TypeAlias = Literal[
    "load", "store", "rmw", "fence", "lock", "unlock", "trylock", "is_locked", "rcu_lock", "rcu_unlock", "gp"
]
Order: TypeAlias = Literal["", "plain", "acquire", "release", "full"]
Role: TypeAlias = Literal["target", "pointer", "value"]
Result: TypeAlias = Literal["old", "new", "zero", "negative", "written"]


@dataclass(frozen=True, slots=True)
class Primitive:
    """One kernel primitive: what it does, what it takes, what it orders, and what it returns."""

    name: str
    action: Action
    takes: tuple[Role, ...] = ()
    """`target` is written as what a pointer points at, `*x`; `pointer` as the pointer, `x`."""
    order: Order = ""
    change: str = ""
    """Of an atomic one: the operator, `xchg`, `cmpxchg` or `add_unless`."""
    step: int | None = None
    """The operand where the name says it: 1 of atomic_inc()."""
    result: Result | None = None
    """None where nothing is returned: it stands alone then."""


PLAIN_LOAD = Primitive("*", "load", ("target",), "plain", result="old")
PLAIN_STORE = Primitive("* =", "store", ("target", "value"), "plain")

_SUFFIXES: dict[str, Order] = {"": "full", "_relaxed": "", "_acquire": "acquire", "_release": "release"}


def _simple() -> list[Primitive]:
    target: tuple[Role, ...] = ("target",)
    pointer: tuple[Role, ...] = ("pointer",)
    fences = ("rmb", "wmb", "mb", "mb__before_atomic", "mb__after_atomic", "mb__after_spinlock")
    return [
        Primitive("READ_ONCE", "load", target, result="old"),
        Primitive("WRITE_ONCE", "store", ("target", "value")),
        Primitive("smp_load_acquire", "load", pointer, "acquire", result="old"),
        Primitive("smp_store_release", "store", ("pointer", "value"), "release"),
        Primitive("smp_store_mb", "store", ("target", "value"), "full"),
        Primitive("rcu_dereference", "load", target, result="old"),
        Primitive("rcu_assign_pointer", "store", ("target", "value"), "release"),
        Primitive("atomic_read", "load", pointer, result="old"),
        Primitive("atomic_read_acquire", "load", pointer, "acquire", result="old"),
        Primitive("atomic_set", "store", ("pointer", "value")),
        Primitive("atomic_set_release", "store", ("pointer", "value"), "release"),
        *(Primitive(f"smp_{name}", "fence") for name in (*fences, "mb__after_unlock_lock")),
        Primitive("barrier", "fence"),
        Primitive("spin_lock", "lock", pointer),
        Primitive("spin_unlock", "unlock", pointer),
        Primitive("spin_trylock", "trylock", pointer, result="written"),
        Primitive("spin_is_locked", "is_locked", pointer, result="old"),
        Primitive("rcu_read_lock", "rcu_lock"),
        Primitive("rcu_read_unlock", "rcu_unlock"),
        Primitive("synchronize_rcu", "gp"),
        Primitive("synchronize_rcu_expedited", "gp"),
    ]


def _exchanges(suffix: str, order: Order) -> list[Primitive]:
    found: list[Primitive] = []
    for prefix in ("", "atomic_"):
        name = f"{prefix}xchg{suffix}"
        found.append(Primitive(name, "rmw", ("pointer", "value"), order, "xchg", result="old"))
        name = f"{prefix}cmpxchg{suffix}"
        found.append(Primitive(name, "rmw", ("pointer", "value", "value"), order, "cmpxchg", result="old"))
    return found


def _arithmetic(suffix: str, order: Order) -> list[Primitive]:
    found: list[Primitive] = []
    two: tuple[Role, ...] = ("value", "pointer")
    one: tuple[Role, ...] = ("pointer",)
    operators = {"add": "+", "sub": "-", "and": "&", "or": "|", "xor": "^", "andnot": "&~"}
    for name, change in operators.items():
        found.append(Primitive(f"atomic_fetch_{name}{suffix}", "rmw", two, order, change, result="old"))
        if name in ("add", "sub"):
            found.append(Primitive(f"atomic_{name}_return{suffix}", "rmw", two, order, change, result="new"))
    for name, change in (("inc", "+"), ("dec", "-")):
        found.append(Primitive(f"atomic_fetch_{name}{suffix}", "rmw", one, order, change, 1, "old"))
        found.append(Primitive(f"atomic_{name}_return{suffix}", "rmw", one, order, change, 1, "new"))
    negative = f"atomic_add_negative{suffix}"
    found.append(Primitive(negative, "rmw", two, order, "+", result="negative"))
    if order == "full":
        found += [Primitive(f"atomic_{name}", "rmw", two, "", change) for name, change in operators.items()]
        found.append(Primitive("atomic_inc", "rmw", one, "", "+", 1))
        found.append(Primitive("atomic_dec", "rmw", one, "", "-", 1))
        found.append(Primitive("atomic_inc_and_test", "rmw", one, order, "+", 1, "zero"))
        found.append(Primitive("atomic_dec_and_test", "rmw", one, order, "-", 1, "zero"))
        found.append(Primitive("atomic_sub_and_test", "rmw", two, order, "-", result="zero"))
        unless: tuple[Role, ...] = ("pointer", "value", "value")
        found.append(Primitive("atomic_add_unless", "rmw", unless, order, "add_unless", result="written"))
    return found


def _all() -> dict[str, Primitive]:
    found = _simple()
    for suffix, order in _SUFFIXES.items():
        found += _exchanges(suffix, order) + _arithmetic(suffix, order)
    return {primitive.name: primitive for primitive in found}


PRIMITIVES = _all()
"""Every primitive that a litmus test may call, by its name."""
