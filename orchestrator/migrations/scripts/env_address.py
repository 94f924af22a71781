"""Finds where env.py gets its database's address from, by its syntax tree; runs nothing."""

import ast
from collections.abc import Mapping, Sequence

from orchestrator.patterns import pattern

Names = Mapping[str, Sequence[ast.expr]]
"""What is bound to a name, wherever."""
Functions = Mapping[str, ast.FunctionDef | ast.AsyncFunctionDef]
_OPTION = "sqlalchemy.url"
_VARIABLE = "DATABASE_URL"
# Replacing these parts of a URL changes its driver or its escaping, but not the database.
_DRIVER_TEXT = pattern(r"%*|[a-z0-9]*(\+[a-z0-9]+)?(://)?")
_DEPTH = 8


def dotted(expression: ast.AST) -> str:
    """Return `a.b.c` as written, with a call inside it as `()`. Empty for any other expression."""
    if isinstance(expression, ast.Name):
        return expression.id
    if isinstance(expression, ast.Attribute):
        before = dotted(expression.value)
        return before and f"{before}.{expression.attr}"
    if isinstance(expression, ast.Call):
        before = dotted(expression.func)
        return before and f"{before}()"
    return ""


def text_of(expression: ast.AST | None) -> str | None:
    """Return the text of a string literal; None for any other expression."""
    return expression.value if isinstance(expression, ast.Constant) and isinstance(expression.value, str) else None


def is_given(expression: ast.expr, names: Names, functions: Functions, depth: int = 0) -> bool:
    """Return whether an expression is the address from Alembic's configuration or DATABASE_URL, with any driver.

    Args:
        expression: the address that env.py uses.
        names: the values of each name that env.py only assigns to.
        functions: env.py's functions.
        depth: how many names were followed so far.
    """
    if depth > _DEPTH:
        return False

    def given(each: ast.expr) -> bool:
        return is_given(each, names, functions, depth + 1)

    match expression:
        case ast.Name(id=name):
            found = name in names and all(map(given, names[name]))
        case ast.BoolOp(op=ast.Or(), values=[first, *_]):
            found = given(first)
        case ast.Subscript(value=value, slice=key):
            found = _is_read(dotted(value), text_of(key))
        case ast.Call(func=ast.Name(id="str"), args=[only]):
            found = given(only)
        case ast.Call(func=ast.Name(id=name)) if name in functions:
            returned = _returned(functions[name])
            found = returned is not None and given(returned)
        case ast.Call(func=ast.Attribute(value=value, attr="replace"), args=arguments):
            found = all(_DRIVER_TEXT.fullmatch(text_of(each) or "?") for each in arguments[:2]) and given(value)
        case ast.Call(func=function, args=[first, *_]):
            found = _is_read(dotted(function), text_of(first))
        case _:
            found = False
    return found


def _is_read(source: str, name: str | None) -> bool:
    """Return whether `source` reads Alembic's configuration or the environment, and `name` is the address in it."""
    if name == _VARIABLE:
        return source in {"os.environ", "os.environ.get", "os.getenv", "environ", "environ.get", "getenv"}
    return name == _OPTION and source.endswith(("get_main_option", "get_section()", "get_section().get"))


def _returned(function: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.expr | None:
    """Return the expression that a function returns, if the function does nothing besides."""
    body = [each for each in function.body if not (isinstance(each, ast.Expr) and text_of(each.value) is not None)]
    only = body[0] if len(body) == 1 and isinstance(function, ast.FunctionDef) else None
    return only.value if isinstance(only, ast.Return) else None
