"""What CloudFormation makes of a template: its parameters filled in, its functions carried out."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import yaml

_PSEUDO_PARAMETERS = {
    "AWS::Region": "eu-west-1",
    "AWS::StackName": "plants-observability",
    "AWS::AccountId": "111122223333",
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
}


def parse(text: str) -> Any:
    """The template, its short forms (`!Ref`) written out (`Ref`)."""
    return yaml.load(text, Loader=_Loader)  # noqa: S506  # a SafeLoader


class _Loader(yaml.CSafeLoader):
    """PyYAML's, with CloudFormation's tags; the one in C: the templates are long, and read often."""


def _function(loader: _Loader, suffix: str, node: yaml.Node) -> Any:
    name = suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
        return {name: value.split(".") if suffix == "GetAtt" else value}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    raise AssertionError(node)


_Loader.add_multi_constructor("!", _function)


class Stack:
    """A stack of a template; parameters that it does not know are left out.

    Attributes:
        resources: The properties of each resource that its condition lets be.
        given: The parameters that are given, not those that have their default.
    """

    def __init__(self, template: Mapping[str, Any], parameters: Mapping[str, Any]) -> None:
        self._template = template
        known = template["Parameters"]
        defaults = {name: each["Default"] for name, each in known.items() if "Default" in each}
        self.given = {name: value for name, value in parameters.items() if name in known}
        values = {**_PSEUDO_PARAMETERS, **defaults, **self.given}
        lists = {name for name, each in known.items() if each["Type"] == "CommaDelimitedList"}
        self._values = {name: str(each).split(",") if name in lists else each for name, each in values.items()}
        self.resources: dict[str, Any] = {
            name: self.value(each["Properties"])
            for name, each in template["Resources"].items()
            if "Condition" not in each or self.holds(each["Condition"])
        }

    def value(self, node: Any) -> Any:
        """`node` with its functions carried out."""
        if isinstance(node, list):
            return [each for each in map(self.value, node) if each is not None]
        if not isinstance(node, dict):
            return node
        if len(node) == 1 and (name := next(iter(node))) in _FUNCTIONS:
            return _FUNCTIONS[name](self, node[name])
        values = {key: self.value(each) for key, each in node.items()}
        return {key: each for key, each in values.items() if each is not None}

    def holds(self, condition: str) -> bool:
        """Whether the condition of that name does."""
        return bool(self.value(self._template["Conditions"][condition]))

    def broken_rules(self) -> list[str]:
        """Return the template's rules that the parameters violate."""
        return [
            assertion["AssertDescription"]
            for rule in self._template.get("Rules", {}).values()
            if self.value(rule.get("RuleCondition", True))
            for assertion in rule["Assertions"]
            if not self.value(assertion["Assert"])
        ]

    def ref(self, name: str) -> Any:
        """A parameter's value; a resource is known by its name."""
        if name == "AWS::NoValue":
            return None
        if self._template["Resources"].get(name, {}).get("Type") == "AWS::ECS::Service":
            return "arn:aws:ecs:eu-west-1:111122223333:service/main/plants"
        known = name in self._values or name.partition(".")[0] in self._template["Resources"]
        assert known, f"there is no {name}"
        return self._values.get(name, f"<{name}>")

    def find(self, table: str, row: str, column: str) -> Any:
        """An entry of a mapping."""
        return self._template["Mappings"][table][str(row)][column]

    def substitute(self, node: Any) -> str:
        """A text with its `${}` filled in, with the values that the node itself may give."""
        text, own = (node[0], self.value(node[1])) if isinstance(node, list) else (node, {})
        filled = re.sub(
            r"\$\{([^!}]+)\}", lambda name: str(own[name[1]] if name[1] in own else self.ref(name[1])), text
        )
        return filled.replace("${!", "${")

    @property
    def container(self) -> dict[str, Any]:
        """The one container of the task."""
        (found,) = self.resources["TaskDefinition"]["ContainerDefinitions"]
        assert isinstance(found, dict)
        return found

    @property
    def environ(self) -> dict[str, str]:
        """Return the process's environment; a secret's value is its reference."""
        given = {each["Name"]: str(each["Value"]) for each in self.container["Environment"]}
        return given | {each["Name"]: each["ValueFrom"] for each in self.container.get("Secrets", [])}


_FUNCTIONS: dict[str, Callable[[Stack, Any], Any]] = {
    "Ref": Stack.ref,
    "Condition": Stack.holds,
    "Fn::Sub": Stack.substitute,
    "Fn::Join": lambda stack, node: node[0].join(stack.value(node[1])),
    "Fn::Split": lambda stack, node: stack.value(node[1]).split(node[0]),
    "Fn::Select": lambda stack, node: stack.value(node[1])[int(node[0])],
    "Fn::GetAtt": lambda _, path: f"<{'.'.join(path)}>",
    "Fn::FindInMap": lambda stack, path: stack.find(*map(stack.value, path)),
    "Fn::If": lambda stack, node: stack.value(node[1] if stack.holds(node[0]) else node[2]),
    "Fn::Equals": lambda stack, node: str(stack.value(node[0])) == str(stack.value(node[1])),
    "Fn::Not": lambda stack, node: not stack.value(node[0]),
    "Fn::And": lambda stack, node: all(map(stack.value, node)),
    "Fn::Or": lambda stack, node: any(map(stack.value, node)),
}
