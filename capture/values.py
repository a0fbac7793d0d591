"""`value`: a frozen dataclass for the type checker, at the cost of a plain one at run time.

A frozen dataclass sets every field through `object.__setattr__`: three times the cost, and every
request makes a dozen of them. Assigning to a field of a `value` is a type error, which the checks
catch; that is all the freezing they need. They hash and compare by their fields.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(cls: type[T]) -> type[T]:
    """Make a class a value."""
    return dataclass(slots=True, unsafe_hash=True)(cls)
