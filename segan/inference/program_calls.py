"""One call of a stored program: its form in JSON, and the check that it is permitted before anything is run."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import torch

from segan.inference.program_operators import ATEN, SIZES

_DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        torch.float64, torch.float32, torch.float16, torch.bfloat16,
        torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool,
    )
}  # fmt: skip
# What is no number, text or list in a graph, as `{key: name}` in JSON.
_NAMED: dict[str, dict[str, Any]] = {
    "dtype": _DTYPES,
    "memory_format": {
        "channels_last": torch.channels_last,
        "contiguous": torch.contiguous_format,
        "preserve": torch.preserve_format,
    },
    "layout": {"strided": torch.strided},
    "number": {"inf": math.inf, "-inf": -math.inf},
}


class CallError(ValueError):
    """A call is not permitted or does not fit what it calls; the message is a few words, for a sentence of others."""


class Kind(Enum):
    """What a value is while a program runs."""

    TENSOR = "a tensor"
    TENSORS = "several tensors"
    INTEGER = "an integer"
    NUMBER = "a number"


@dataclass(frozen=True)
class Reference:
    """A value that exists before a call: the image, a stored tensor, or the result of an earlier call.

    Args:
        place: Index into the values of a run.
        kind: What stands there.
    """

    place: int
    kind: Kind


@dataclass(frozen=True)
class ImageDevice:
    """The device of the image, whichever that will be."""


@dataclass(frozen=True)
class Call:
    """A checked call.

    Args:
        function: What is called.
        arguments: By position: constants, `Reference`, `ImageDevice`, and lists of these.
        options: The same by name.
        kind: What comes back.
    """

    function: Callable[..., Any]
    arguments: list[Any]
    options: dict[str, Any]
    kind: Kind


def write_constant(value: Any) -> Any:
    """Turn a constant of a graph into what JSON can hold.

    Raises:
        CallError: There is no form for it.

    >>> [write_constant(value) for value in (1, 2.5, None, torch.float32, float("inf"), torch.device("cpu"))]
    [1, 2.5, None, {'dtype': 'float32'}, {'number': 'inf'}, {'device': 'image'}]
    """
    if value is None or isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, torch.device):
        return {"device": "image"}
    for key, table in _NAMED.items():
        for name, known in table.items():
            if type(value) is type(known) and value == known:
                return {key: name}
    raise CallError(f"the constant {value!r}")


def read_argument(described: Any, known: Mapping[str, Reference], tensors: Mapping[str, Reference]) -> Any:
    """Turn an argument in JSON into a constant, an `ImageDevice`, a `Reference`, or a list of these.

    Args:
        described: As `write_constant` gives it, `{"value": name}`, `{"tensor": name}`, or a list of these.
        known: Results of earlier calls and the image, by name.
        tensors: Stored tensors, by name.

    Raises:
        CallError: It is none of these, or names what does not exist before this call.
    """
    if isinstance(described, list):
        if any(isinstance(item, list) for item in described):
            raise CallError("a list of lists")
        return [read_argument(item, known, tensors) for item in described]
    if not isinstance(described, dict):
        return described
    if described == {"device": "image"}:
        return ImageDevice()
    if len(described) == 1:
        ((key, name),) = described.items()
        table: Mapping[str, Any] = {**_NAMED, "value": known, "tensor": tensors}.get(key, {})
        if isinstance(name, str) and name in table:
            return table[name]
    raise CallError(f"the argument {described}, which stands for nothing")


def check_call(operator: Any, arguments: list[Any], options: dict[str, Any]) -> Call:
    """Find what a call calls, and check that its arguments are of the types it takes.

    Args:
        operator: Name, as `aten.conv2d.default` or `operator.add`.
        arguments: As `read_argument` gives them.
        options: The same by name.

    Raises:
        CallError: The operator is not on the list, or an argument does not fit.
    """
    if operator == "operator.getitem":
        return _check_getitem(arguments, options)
    if operator in SIZES:
        return _check_arithmetic(operator, arguments, options)
    if isinstance(operator, str) and operator.startswith("aten.") and operator.removeprefix("aten.") in ATEN:
        return _check_aten(operator, arguments, options)
    raise CallError(f"the operator {operator!r}, which is not on the list of permitted ones")


def _check_getitem(arguments: list[Any], options: dict[str, Any]) -> Call:
    match arguments, options:
        case [Reference(kind=Kind.TENSORS), int(index)], {} if not options and index >= 0:
            return Call(_take, arguments, {}, Kind.TENSOR)
    raise CallError("operator.getitem of something other than one of several tensors")


def _take(tensors: Sequence[Any], index: int) -> Any:
    return tensors[index]


def _check_arithmetic(operator: str, arguments: list[Any], options: dict[str, Any]) -> Call:
    function, count, gives_integer = SIZES[operator]
    if options or len(arguments) != count or not all(_is_number(argument) for argument in arguments):
        raise CallError(f"{operator} with something other than {count} numbers")
    if gives_integer is None:
        gives_integer = all(_is_integer(argument) for argument in arguments)
    return Call(function, arguments, {}, Kind.INTEGER if gives_integer else Kind.NUMBER)


def _check_aten(operator: str, arguments: list[Any], options: dict[str, Any]) -> Call:
    packet, _, overload = operator.removeprefix("aten.").rpartition(".")
    function = getattr(getattr(torch.ops.aten, packet, None), overload, None)
    if function is None:
        raise CallError(f"{operator}, which torch {torch.__version__} does not have")
    schema = function._schema
    by_position = [argument for argument in schema.arguments if not argument.kwarg_only]
    names = [argument.name for argument in by_position[: len(arguments)]] + list(options)
    if len(arguments) > len(by_position) or len(set(names)) != len(names):
        raise CallError(f"{operator} with too many arguments")
    given = dict(zip(names, (*arguments, *options.values()), strict=True))
    for argument in schema.arguments:
        if argument.name not in given:
            if not argument.has_default_value():
                raise CallError(f"{operator} without {argument.name}")
        elif not _fits(given.pop(argument.name), str(argument.real_type)):
            raise CallError(f"{operator} with a {argument.name} that is no {argument.real_type}")
    if given:
        raise CallError(f"{operator} with {', '.join(given)}, which it does not take")
    return Call(function, arguments, options, _returned([str(value.real_type) for value in schema.returns]))


def _returned(types: list[str]) -> Kind:
    if types == ["int"]:
        return Kind.INTEGER
    return Kind.TENSOR if types == ["Tensor"] else Kind.TENSORS


def _fits(value: Any, wanted: str) -> bool:
    """Tell whether an argument is of a type, by its name in a schema of ATen."""
    if wanted.startswith("Optional["):
        return value is None or _fits(value, wanted[len("Optional[") : -1])
    if wanted.startswith("List["):
        inner = wanted[len("List[") : -1]
        if inner == "Tensor" and isinstance(value, Reference):
            return value.kind is Kind.TENSORS
        return isinstance(value, list) and all(_fits(item, inner) for item in value)
    check = _FITS.get(wanted)
    return check is not None and check(value)


def _is_integer(value: Any) -> bool:
    if isinstance(value, Reference):
        return value.kind is Kind.INTEGER
    # Beyond 64 bits no size and no index has a meaning.
    return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63


def _is_number(value: Any) -> bool:
    if isinstance(value, Reference):
        return value.kind in (Kind.INTEGER, Kind.NUMBER)
    return isinstance(value, float) or _is_integer(value)


def _is_scalar(value: Any) -> bool:
    return isinstance(value, bool) or _is_number(value)


_FITS: dict[str, Callable[[Any], bool]] = {
    # ATen takes a number wherever it takes one tensor.
    "Tensor": lambda value: (isinstance(value, Reference) and value.kind is Kind.TENSOR) or _is_scalar(value),
    "int": _is_integer,
    "float": _is_number,
    "number": _is_scalar,
    "bool": lambda value: isinstance(value, bool),
    "str": lambda value: isinstance(value, str),
    "ScalarType": lambda value: isinstance(value, torch.dtype),
    "Layout": lambda value: isinstance(value, torch.layout),
    "MemoryFormat": lambda value: isinstance(value, torch.memory_format),
    "Device": lambda value: isinstance(value, ImageDevice),
}
