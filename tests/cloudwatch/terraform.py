"""Checks a Terraform module without a provider: the arguments of its resources, and the values of its expressions.

Names and types of arguments are an excerpt of the provider's published schema, `tests/data/aws_provider_schema.json`,
made from the typings of the npm package @cdktf/provider-aws. If `terraform` is installed, it evaluates the expressions:
a word replaces each reference to a resource or to data, and all else is computed.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import hcl2

Node = dict[str, Any]

SCHEMA: Node = json.loads((Path(__file__).parents[1] / "data" / "aws_provider_schema.json").read_text(encoding="utf-8"))
META = {"count", "for_each", "depends_on", "lifecycle", "provider"}
INSTALLED = shutil.which("terraform") is not None
_REFERENCE = re.compile(r'(?<![\w."])(?:data\.)?(aws_\w+)\.(\w+)(?:\[0\])?\.(\w+)')


def resources(file: Path) -> Node:
    """The resources of a file in HCL, by type and name; a dynamic block is the block that it makes."""
    with file.open(encoding="utf-8") as text:
        parsed = _plain(hcl2.load(text))
    made: Node = {}
    for each in parsed["resource"]:
        ((kind, named),) = each.items()
        made.setdefault(kind, {}).update(named)
    return made


def _plain(node: Any) -> Any:
    if isinstance(node, list):
        return [_plain(each) for each in node]
    if not isinstance(node, dict):
        return node
    found = {key.strip('"'): _plain(each) for key, each in node.items() if not key.startswith("__")}
    for dynamic in found.pop("dynamic", []):
        ((name, block),) = dynamic.items()
        found.setdefault(name, []).extend(block["content"])
    return found


def faults(kind: str, arguments: Mapping[str, Any], schema: Node | None = None) -> Iterator[str]:
    """Yield the errors that the provider would report: an unknown argument, a missing one, or one of another type."""
    known = SCHEMA["resources"][kind] if schema is None else schema
    names = {name.removesuffix("!"): each for name, each in known.items()}
    yield from (f"{kind}: {name} is unknown" for name in sorted(arguments.keys() - names.keys() - META))
    required = {name.removesuffix("!") for name in known if name.endswith("!")}
    yield from (f"{kind}: {name} is missing" for name in sorted(required - arguments.keys()))
    for name in sorted(arguments.keys() & names.keys()):
        wanted, values = names[name], arguments[name]
        for value in values if isinstance(values, list) and isinstance(wanted, dict) else [values]:
            if isinstance(wanted, dict) and isinstance(value, dict):
                yield from faults(f"{kind}.{name}", value, wanted)
            elif not _is(value, wanted):
                yield f"{kind}: {name} is no {wanted}: {value!r}"


def _is(value: Any, wanted: Any) -> bool:
    if isinstance(value, str) and value.startswith("${"):
        return True  # computed
    kinds = {"string": str, "number": int | float, "bool": bool, "list": list, "map": dict}
    return isinstance(wanted, str) and isinstance(value, kinds[wanted])


def references(node: Any) -> set[str]:
    """All that the texts of a node refer to among resources and data, as `type.name.attribute`."""
    texts = json.dumps(node).replace('\\"', "'")
    return {".".join(found) for found in _REFERENCE.findall(texts)}


def replaced(node: Any) -> Any:
    """The node with each such reference as a word."""
    if isinstance(node, str):
        return _REFERENCE.sub(lambda found: f'local.words["{".".join(found.groups())}"]', node)
    if isinstance(node, list):
        return [replaced(each) for each in node]
    return {key: replaced(each) for key, each in node.items()} if isinstance(node, dict) else node


def evaluated(directory: Path, module: Node | None = None, **variables: Any) -> Node:
    """The outputs of a module without providers, as `terraform plan` computes them."""
    if module is not None:
        (directory / "main.tf.json").write_text(json.dumps(module), encoding="utf-8")
    given = [f"-var={name}={value}" for name, value in variables.items()]
    _terraform(directory, "init", "-input=false")
    _terraform(directory, "plan", "-input=false", "-out=plan", *given)
    shown = json.loads(_terraform(directory, "show", "-json", "plan"))
    return {name: each.get("value") for name, each in shown["planned_values"]["outputs"].items()}


def _terraform(directory: Path, *arguments: str) -> str:
    command = ["terraform", f"-chdir={directory}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
