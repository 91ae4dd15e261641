"""Annotations: every public name tells a type checker what it takes and what it gives."""

import importlib
import inspect
import pkgutil
from functools import cached_property

import pytest

import sktl

ROOMS = sorted(
    module.name for module in pkgutil.iter_modules(sktl.__path__) if module.name[0] != "_"
)


def public_names(room):
    module = importlib.import_module(f"sktl.{room}")
    names = getattr(module, "__all__", [name for name in vars(module) if name[0] != "_"])
    things = {name: getattr(module, name) for name in names}
    return {
        name: thing
        for name, thing in things.items()
        if (inspect.isclass(thing) or inspect.isfunction(thing))
        and thing.__module__.startswith("sktl.")
    }


def functions_of(thing):
    """Yield a function, or the constructor and the public methods and properties of a class."""
    if inspect.isfunction(thing):
        yield thing.__name__, thing
        return
    for name, value in vars(thing).items():
        if isinstance(value, property):
            value = value.fget
        elif isinstance(value, cached_property):
            value = value.func
        value = getattr(value, "__func__", value)
        own = inspect.isfunction(value) and value.__module__.startswith("sktl.")
        if own and (not name.startswith("_") or name == "__init__"):
            yield f"{thing.__name__}.{name}", value


def bare_parts(function):
    signature = inspect.signature(function)
    for name, parameter in signature.parameters.items():
        if parameter.annotation is parameter.empty and name not in ("self", "cls"):
            yield name
    if signature.return_annotation is signature.empty:
        yield "what is returned"


@pytest.mark.parametrize("room", ROOMS)
def test_public_names_are_annotated(room):
    bare = [
        f"{where}: {part}"
        for thing in public_names(room).values()
        for where, function in functions_of(thing)
        for part in bare_parts(function)
    ]
    assert bare == []


def test_the_stub_names_what_can_be_imported():
    assert sktl.__all__ == sorted(set(sktl.__all__))
    assert {"TransferRegressor", "load_source", "pretrain", "__version__"} <= set(sktl.__all__)
    for name in sktl.__all__:
        assert getattr(sktl, name) is not None
