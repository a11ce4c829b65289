"""A traced network as one sealed file: its tensors, and its calls as plain JSON. No pickle is ever read or written.

`torch.export.load` unpickles what an archive says is a pickle, which can run any code. Here a file can name only what
`program_operators` lists, and all that it names is checked before anything is run.
"""

import operator
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, fx
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind, OutputKind

from segan import __version__
from segan.errors import CheckpointError, UsageError
from segan.inference.program_calls import Call, CallError, Kind, Reference, check_call, read_argument, write_constant
from segan.inference.program_operators import SIZES
from segan.inference.program_run import Program
from segan.tensor_file import read_tensors, write_tensors

FORMAT = "segan-program-1"


def save_program(path: Path, program: ExportedProgram) -> str:
    """Write a program whole or not at all.

    What the result does not depend on is left out: checks of sizes, and layers that do nothing in evaluation.

    Args:
        path: Name of the file.
        program: One image `[N, 3, H, W]` to one tensor, in evaluation mode, as `export_program` gives it.

    Returns:
        SHA-256 of the content.

    Raises:
        UsageError: The program needs something that a file cannot hold or `load_program` would refuse.
    """
    # Without writing in place, so that no call changes what another one reads; and nothing is decomposed.
    functional = program.run_decompositions({})
    try:
        tensors, facts = _describe(functional)
        _read_calls(facts, list(tensors))
    except CallError as error:
        raise UsageError(
            f"{path}: the network needs {error}, expected what a program file can hold. Choose --format onnx."
        ) from error
    return write_tensors(path, tensors, facts)


def load_program(path: Path) -> Program:
    """Read a program file, check that it is whole and that it calls nothing but what is permitted.

    Neither the networks of this package nor those of others are needed.

    Returns:
        A module in evaluation mode on the CPU, image float32 `[N, 3, H, W]` to a tensor.

    Raises:
        CheckpointError: The file is damaged, truncated, of another format, or calls what is not permitted.
    """
    tensors, facts, sha256 = read_tensors(path)
    if facts.get("format") != FORMAT:
        raise CheckpointError(
            f"{path}: format {facts.get('format')!r}, expected {FORMAT!r}. Use a file of `segan export --format torch`."
        )
    try:
        calls, output = _read_calls(facts, list(tensors))
    except CallError as error:
        raise CheckpointError(
            f"{path}: contains {error}, expected calls that segan {__version__} permits with torch "
            f"{torch.__version__}; written with torch {facts.get('torch')}. Do not use a file from an unknown source; "
            "else export the model again."
        ) from error
    return Program(list(tensors.values()), calls, output, sha256).eval()


def _describe(program: ExportedProgram) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Collect the tensors that a program needs, and write its calls as plain values.

    Raises:
        CallError: There is no form for a part of it.
    """
    specs = {spec.arg.name: spec for spec in program.graph_signature.input_specs}
    images = [name for name, spec in specs.items() if spec.kind is InputKind.USER_INPUT]
    results = program.graph_signature.output_specs
    if len(images) != 1 or [spec.kind for spec in results] != [OutputKind.USER_OUTPUT]:
        raise CallError(f"{len(images)} images and {len(results)} results")
    everything = {**program.constants, **program.state_dict}
    tensors, names, calls = {}, {images[0]: {"value": images[0]}}, []
    for node in _needed_nodes(program.graph):
        if node.op == "call_function":
            calls.append(_describe_call(node, names))
            names[node.name] = {"value": node.name}
        elif node.name not in names:
            target = str(specs[node.name].target) if node.name in specs else node.name
            if not isinstance(everything.get(target), Tensor):
                raise CallError(f"{target}, which is no tensor")
            tensors[target] = everything[target]
            names[node.name] = {"tensor": target}
    facts = {"format": FORMAT, "segan": __version__, "torch": torch.__version__, "image": images[0], "calls": calls}
    return tensors, {**facts, "output": results[0].arg.name}


def _needed_nodes(graph: fx.Graph) -> list[fx.Node]:
    """List the nodes that the result depends on, in their order; all of them are free of side effects."""
    needed = set(graph.output_node().all_input_nodes)
    for node in reversed(graph.nodes):
        if node in needed:
            needed.update(node.all_input_nodes)
    return [node for node in graph.nodes if node in needed]


def _describe_call(node: fx.Node, names: Mapping[str, dict[str, str]]) -> dict[str, Any]:
    def describe(argument: Any) -> Any:
        if isinstance(argument, list | tuple):
            return [describe(item) for item in argument]
        return names[argument.name] if isinstance(argument, fx.Node) else write_constant(argument)

    options = {name: describe(option) for name, option in node.kwargs.items()}
    called = _name_operator(node.target)
    if called == "aten.empty.memory_format":
        # SMP stands in for features that an encoder lacks with tensors without channels.
        called = "aten.zeros.default"
        options.pop("memory_format", None)
    return {"name": node.name, "operator": called, "arguments": describe(node.args), "options": options}


def _name_operator(target: Any) -> str:
    for name, (function, _, _) in SIZES.items():
        if target is function:
            return name
    if target is operator.getitem:
        return "operator.getitem"
    return str(target) if isinstance(target, torch._ops.OpOverload) else getattr(target, "__name__", repr(target))


def _read_calls(facts: Mapping[str, Any], tensors: Sequence[str]) -> tuple[list[Call], Reference]:
    """Check every call and every reference of a file.

    Args:
        facts: As `_describe` gives them.
        tensors: Names of the stored tensors.

    Returns:
        The calls, and the reference to the result.

    Raises:
        CallError: A call is malformed or not permitted, or refers to what does not exist.
    """
    stored = {name: Reference(place, Kind.TENSOR) for place, name in enumerate(tensors, start=1)}
    values = {_expect(facts.get("image"), str): Reference(0, Kind.TENSOR)}
    calls: list[Call] = []
    for described in _expect(facts.get("calls"), list):
        name, called, arguments, options = (
            _expect(_expect(described, dict).get(key), kind)
            for key, kind in (("name", str), ("operator", str), ("arguments", list), ("options", dict))
        )
        if name in values:
            raise CallError(f"two values of the name {name!r}")
        call = check_call(
            called,
            [read_argument(argument, values, stored) for argument in arguments],
            {key: read_argument(option, values, stored) for key, option in options.items()},
        )
        values[name] = Reference(1 + len(tensors) + len(calls), call.kind)
        calls.append(call)
    output = values.get(_expect(facts.get("output"), str))
    if output is None or output.kind is not Kind.TENSOR:
        raise CallError(f"the result {facts['output']!r}, which is no tensor")
    return calls, output


def _expect(value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise CallError(f"{str(value)[:60]!r} where a {kind.__name__} belongs")
    return value
