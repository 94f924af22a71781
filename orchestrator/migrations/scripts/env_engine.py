"""Checks the engine that env.py makes, by its syntax tree: does it connect to the address that we give?"""

import ast

from orchestrator.migrations.scripts.env_address import Functions, Names, dotted, is_given, text_of

_ENGINE = {
    *("prefix", "poolclass", "future", "echo", "pool_pre_ping", "pool_recycle", "pool_size", "max_overflow", "url"),
}
_ENGINE_MAKERS = {"create_engine", "create_async_engine", "engine_from_config", "async_engine_from_config"}
# Driver arguments that never change the database or the schema.
_CONNECT_ARGS = {
    *("ssl", "ssl_context", "sslmode", "sslrootcert", "check_same_thread", "timeout", "connect_timeout", "charset"),
    *("statement_cache_size", "prepared_statement_cache_size", "prepared_statement_name_func", "command_timeout"),
}


class Unrecognised(Exception):  # noqa: N818  # no error: an env.py that has to be run
    """The syntax tree is not sufficient, so env.py must be run; the message gives the reason."""


def unlike(node: ast.expr | ast.stmt, what: str) -> Unrecognised:
    """Return the exception for the code at `node`."""
    return Unrecognised(f"{what} (line {node.lineno})")


class Engines:
    """The engines found so far.

    Attributes:
        made: their number.
        own_address: why one may connect to another address than ours; empty if none can.
    """

    def __init__(self, names: Names, functions: Functions) -> None:
        self._names, self._functions = names, functions
        self.made, self.own_address = 0, ""

    def look(self, call: ast.Call) -> None:
        """Check a call that makes an engine: it must be the only one, and use the default schema.

        Raises:
            Unrecognised: that is not certain.
        """
        if dotted(call.func).rpartition(".")[2] not in _ENGINE_MAKERS:
            return
        self.made += 1
        if self.made > 1:
            raise unlike(call, "it makes several engines")
        for word in call.keywords:
            if word.arg not in _ENGINE and not (word.arg == "connect_args" and _is_harmless(word.value)):
                raise unlike(call, f"its engine is made with {word.arg or '**'}")
        self._address_of(call)

    def _address_of(self, call: ast.Call) -> None:
        first = call.args[0] if call.args else None
        for word in call.keywords:
            if word.arg == "url":
                self.address(word.value)
        if "from_config" not in dotted(call.func):
            if first is not None:
                self.address(first)
            return
        for source in self._names.get(first.id, [first]) if isinstance(first, ast.Name) else [first]:
            if isinstance(source, ast.Dict):
                options = dict(zip(map(text_of, source.keys), source.values, strict=True))
                self.address(options.get("sqlalchemy.url", source))
            elif "get_section" not in dotted(_first_operand(source)):
                raise unlike(call, "its engine is not made from the section of alembic.ini")

    def address(self, expression: ast.expr) -> None:
        """Check the address of an engine."""
        if not is_given(expression, self._names, self._functions):
            self.own_address = f"its address is its own, and may be another one (line {expression.lineno})"

    def option(self, call: ast.Call) -> None:
        """Check a call that sets an option of Alembic.

        Raises:
            Unrecognised: an option may decide which revisions exist.
        """
        name, value = ([None, None, *call.args])[-2:]
        if text_of(name) == "sqlalchemy.url" and value is not None:
            self.address(value)
        elif text_of(name) is None or str(text_of(name)).endswith(("_location", "_locations")):
            raise unlike(call, "it sets an option that may decide which revisions there are")


def _is_harmless(arguments: ast.expr) -> bool:
    """Return whether these driver arguments, a dict or a conditional of dicts, leave the schema unchanged."""
    if isinstance(arguments, ast.IfExp):
        return _is_harmless(arguments.body) and _is_harmless(arguments.orelse)
    return isinstance(arguments, ast.Dict) and all(text_of(key) in _CONNECT_ARGS for key in arguments.keys)


def _first_operand(expression: ast.expr | None) -> ast.AST:
    """Return `a` of `a or b`."""
    while isinstance(expression, ast.BoolOp):
        expression = expression.values[0]
    return expression or ast.Pass()
