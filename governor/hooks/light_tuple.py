"""``typing.NamedTuple`` without ``typing``, whose import costs a hook as much as all the rest of it.

Where types are checked the rooms take ``typing``'s own, so both read the same classes the same way.
"""

from __future__ import annotations

from _operator import itemgetter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Self


class NamedTuple(tuple):  # type: ignore[type-arg]
    """A tuple whose fields are the class's annotations, in order; a value given there is a default."""

    _fields: tuple[str, ...] = ()
    _defaults: dict[str, Any] = {}  # noqa: RUF012 - each class has its own

    def __init_subclass__(cls) -> None:
        cls._fields = tuple(cls.__annotations__)
        cls._defaults = {name: cls.__dict__[name] for name in cls._fields if name in cls.__dict__}
        for at, name in enumerate(cls._fields):
            setattr(cls, name, property(itemgetter(at)))

    def __new__(cls, *given: Any, **named: Any) -> Self:
        if named or len(given) != len(cls._fields):
            values = {**cls._defaults, **dict(zip(cls._fields, given)), **named}
            if len(given) > len(cls._fields) or values.keys() != set(cls._fields):
                raise TypeError(f"{cls.__name__} is made of {', '.join(cls._fields)}")
            given = tuple(values[name] for name in cls._fields)
        return tuple.__new__(cls, given)

    def _replace(self, **named: Any) -> Self:
        return type(self)(**{**self._asdict(), **named})

    def _asdict(self) -> dict[str, Any]:
        return dict(zip(self._fields, self))
