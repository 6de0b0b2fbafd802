"""The stubs and docstrings, which nothing else would notice to be wrong."""

import ast
import importlib.metadata
import inspect
import pathlib
import re

import octet
from octet import _octet


def stub_of(node):
    """{name: its parameters, None if it is no function, or the same again for a class}."""
    members = {}
    for item in node.body:
        if isinstance(item, ast.ClassDef):
            members[item.name] = stub_of(item)
        elif isinstance(item, ast.FunctionDef):
            arguments = item.args
            names = [a.arg for a in arguments.posonlyargs + arguments.args + arguments.kwonlyargs]
            members[item.name] = None if any(ast.unparse(d) == "property" for d in item.decorator_list) else names
        elif isinstance(item, ast.AnnAssign) and not ast.unparse(item.annotation).endswith("TypeAlias"):
            members[item.target.id] = None
    return members


def parameters_of(function):
    """As pybind11's first line of the docstring has them."""
    signature = function.__doc__.splitlines()[0]
    return re.findall(r"(?:\(|, )(\w+): ", signature)


def public(thing):
    return {name for name in vars(thing) if not name.startswith("_") or name == "__version__"}


def test_the_stubs_have_what_the_module_has():
    stubs = stub_of(ast.parse((pathlib.Path(octet.__file__).parent / "_octet.pyi").read_text(encoding="utf-8")))
    assert stubs.keys() == public(_octet)
    for name, members in stubs.items():
        thing = getattr(_octet, name)
        if not isinstance(members, dict):
            assert members == (parameters_of(thing) if callable(thing) else None), name
            continue
        if issubclass(thing, Exception):
            continue  # its attributes belong to the instances
        assert members.keys() == public(thing), name
        for member, parameters in members.items():
            is_property = isinstance(inspect.getattr_static(thing, member), property)
            assert parameters == (None if is_property else parameters_of(getattr(thing, member))), f"{name}.{member}"


def test_the_version_is_that_of_the_library():
    assert octet.__version__ == importlib.metadata.version("octet")


def said_of(thing):
    """The docstring without pybind11's line, which is the signature."""
    return re.sub(r"^\w+\(.*\) -> .*", "", inspect.getdoc(thing) or "").strip()


def test_all_that_is_public_has_a_docstring():
    for name in set(octet.__all__) - {"__version__"}:
        thing = getattr(octet, name)
        assert said_of(thing), name
        if not inspect.isclass(thing):
            continue
        for member in public(thing):
            described = inspect.getattr_static(thing, member)
            if isinstance(described, property) or callable(getattr(thing, member)):
                assert said_of(described if isinstance(described, property) else getattr(thing, member)), f"{name}.{member}"
