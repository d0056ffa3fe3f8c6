"""`dataclass`, made in a quarter of the time: `lameduck check` has to start fast.

The standard one compiles six functions for each class, about 0.5 ms, and `check` has a hundred and forty classes to
make before it can look at anything. Here only `__init__` is compiled, and that when it is first wanted: one small
manifest makes objects of a third of the classes. The others are the same few functions for all, which know the fields
by name. What the standard library says of a dataclass holds for these: `fields`, `replace`, matching by position,
pickling, and that a frozen one cannot be changed. A test compares the two.
"""

import dataclasses
from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass"]

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(cls=None, /, *, frozen=False, slots=False, eq=True, order=False):
        """As `dataclasses.dataclass`, with these options only, and for classes without bases of their own."""

        def made(raw):
            return _made(raw, frozen=frozen, slots=slots, eq=eq, order=order)

        return made if cls is None else made(cls)


_set = object.__setattr__


def _made(raw: Any, *, frozen: bool, slots: bool, eq: bool, order: bool) -> Any:
    # The standard decorator finds the fields and checks them; with nothing to generate it is quick. A class without a
    # docstring would get its signature for one, which takes as long as all the rest.
    raw.__doc__ = raw.__doc__ or f"{raw.__name__}."
    cls: Any = dataclasses.dataclass(raw, init=False, repr=False, eq=False)
    fields = dataclasses.fields(cls)
    names = tuple(field.name for field in fields)
    shown = tuple(field.name for field in fields if field.repr)
    init = _Init(fields, frozen=frozen)
    made: dict[str, Any] = {
        "__init__": init,
        "__repr__": lambda self: (
            f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"
        ),
    }
    if eq:
        made |= _comparing(_key(tuple(field.name for field in fields if field.compare)), hashed=frozen, order=order)
    if frozen:
        made |= _FROZEN
    body = {**cls.__dict__} if slots else {}
    own = {**made, **{name: value for name, value in raw.__dict__.items() if name in made}}
    if not slots:
        for name, value in own.items():
            setattr(cls, name, value)
        init.cls = cls
        return cls
    for name in (*names, "__dict__", "__weakref__"):
        body.pop(name, None)
    body |= own | {"__slots__": names}
    if frozen:
        body |= {"__getstate__": _state(names), "__setstate__": _restore(names)}
    again = type(cls)(cls.__name__, cls.__bases__, body)
    again.__qualname__ = cls.__qualname__
    init.cls = again
    return again


class _Init:
    """Stands in for `__init__` until somebody asks for it: then it is compiled, and takes this one's place."""

    __slots__ = ("_fields", "_frozen", "cls")
    cls: type

    def __init__(self, fields: tuple["dataclasses.Field[Any]", ...], *, frozen: bool) -> None:
        self._fields = fields
        self._frozen = frozen

    def __get__(self, instance: object, owner: type) -> Any:
        init: Any = _init(self.cls, self._fields, frozen=self._frozen)
        self.cls.__init__ = init  # type: ignore[misc]
        return init.__get__(instance, owner)


def _init(cls: type, fields: tuple["dataclasses.Field[Any]", ...], *, frozen: bool) -> Callable[..., None]:
    space: dict[str, Any] = {"_set": _set, "_MISSING": dataclasses.MISSING}
    slots = "__slots__" in cls.__dict__
    parameters, lines = ["self"], []
    for field in fields:
        name = value = field.name
        if field.default is not dataclasses.MISSING:
            space[f"_default_{name}"] = field.default
            default = f"=_default_{name}"
            value = name if field.init else f"_default_{name}"
        elif field.default_factory is not dataclasses.MISSING:
            space[f"_make_{name}"] = field.default_factory
            default = "=_MISSING"
            value = f"_make_{name}() if {name} is _MISSING else {name}" if field.init else f"_make_{name}()"
        else:
            default = ""
        if field.init:
            parameters.append(name + default)
        if not frozen:
            lines.append(f" self.{name} = {value}")
        elif slots:  # the slot itself, without looking it up: a quarter less time for each object
            space[f"_set_{name}"] = cls.__dict__[name].__set__
            lines.append(f" _set_{name}(self, {value})")
        else:
            lines.append(f" _set(self, {name!r}, {value})")
    if hasattr(cls, "__post_init__"):
        lines.append(" self.__post_init__()")
    exec(f"def __init__({', '.join(parameters)}):\n" + ("\n".join(lines) or " pass"), space)  # noqa: S102
    init: Callable[..., None] = space["__init__"]
    init.__qualname__ = f"{cls.__qualname__}.__init__"
    init.__annotations__ = {field.name: field.type for field in fields if field.init} | {"return": None}
    return init


def _key(names: tuple[str, ...]) -> Callable[[Any], Any]:
    """What two of them are compared by."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda one: tuple(getattr(one, name) for name in names)


def _comparing(key: Callable[[Any], Any], *, hashed: bool, order: bool) -> dict[str, Any]:
    def same_kind(one: Any, other: Any) -> bool:
        return other.__class__ is one.__class__

    made: dict[str, Any] = {
        "__eq__": lambda one, other: key(one) == key(other) if same_kind(one, other) else NotImplemented,
        "__hash__": (lambda one: hash(key(one))) if hashed else None,
    }
    if order:
        made |= {
            "__lt__": lambda one, other: key(one) < key(other) if same_kind(one, other) else NotImplemented,
            "__le__": lambda one, other: key(one) <= key(other) if same_kind(one, other) else NotImplemented,
            "__gt__": lambda one, other: key(one) > key(other) if same_kind(one, other) else NotImplemented,
            "__ge__": lambda one, other: key(one) >= key(other) if same_kind(one, other) else NotImplemented,
        }
    return made


def _refuse_set(_: object, name: str, __: object) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_delete(_: object, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


_FROZEN = {"__setattr__": _refuse_set, "__delattr__": _refuse_delete}


def _state(names: tuple[str, ...]) -> Callable[[Any], list[Any]]:
    return lambda self: [getattr(self, name) for name in names]


def _restore(names: tuple[str, ...]) -> Callable[[Any, list[Any]], None]:
    def restore(self: Any, state: list[Any]) -> None:
        for name, value in zip(names, state, strict=True):
            _set(self, name, value)

    return restore
