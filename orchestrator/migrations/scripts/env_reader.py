"""Follows env.py on its syntax tree, from its first statement to the end of `upgrade`; runs nothing."""

import ast
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from orchestrator.migrations.scripts.env_address import Functions, Names, dotted, is_given, text_of
from orchestrator.migrations.scripts.env_engine import Engines, Unrecognised, unlike

_CONFIGURE = {
    *("connection", "target_metadata", "url", "dialect_opts", "literal_binds", "render_as_batch", "transactional_ddl"),
    *("compare_type", "compare_server_default", "include_object", "include_name", "include_schemas", "render_item"),
    *("process_revision_directives", "transaction_per_migration", "on_version_apply", "template_args"),
    *("user_module_prefix", "sqlalchemy_module_prefix", "alembic_module_prefix", "autogenerate_plugins"),
}
_HARMLESS = (
    *("sys.path.", "os.environ.", "os.chdir", "os.putenv", "warnings.", "logging.", "logger.", "log.", "print"),
    *("fileConfig", "dictConfig", "load_dotenv", "dotenv.load_dotenv", "importlib.import_module", "configure_mappers"),
)
_CLOSING = (".dispose", ".close", ".shutdown_asyncgens")
_STATEMENTS = ("execute", "exec_driver_sql", "scalar", "scalars", "run_sync", "connect", "begin", "create_all")
_NO_EFFECT = (
    *(ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef),
    *(ast.Pass, ast.Global, ast.Nonlocal, ast.Raise),
)
_Function = ast.FunctionDef | ast.AsyncFunctionDef


class EnvReader:
    """Follows env.py from its first statement to the end of `upgrade`, including the functions that it calls."""

    def __init__(self, module: ast.Module) -> None:
        nodes = list(ast.walk(module))
        bound = Counter(each.id for each in nodes if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store))
        assigned = [(target, each.value) for each in nodes if isinstance(each, ast.Assign) for target in each.targets]
        named: dict[str, list[ast.expr]] = defaultdict(list)
        for target, value in assigned:
            if isinstance(target, ast.Name):
                named[target.id].append(value)
        self._names: Names = {name: values for name, values in named.items() if len(values) == bound[name]}
        functions = [each for each in nodes if isinstance(each, _Function)]
        defined = Counter(each.name for each in functions)
        self._functions: Functions = {each.name: each for each in functions if defined[each.name] == 1}
        self._entered: list[str] = []
        self._configured, self._migrated = 0, False
        self._engines = Engines(self._names, self._functions)

    @property
    def own_address(self) -> str:
        """Return why its engine may connect to another address than ours; empty if it cannot."""
        return self._engines.own_address

    def read(self, module: ast.Module) -> None:
        """Follow the whole module.

        Raises:
            Unrecognised: at the first statement that is not known to be harmless.
        """
        imports = [each for each in module.body if isinstance(each, ast.ImportFrom) and each.module == "alembic"]
        if not any(name.name == "context" and not name.asname for each in imports for name in each.names):
            raise Unrecognised("it does not import `context` from alembic as Alembic's templates do")
        self._statements(module.body)
        if not self._migrated:
            raise Unrecognised("it is not clear where it calls context.run_migrations()")

    def _statements(self, statements: Iterable[ast.stmt]) -> None:
        for statement in statements:
            self._statement(statement)

    def _statement(self, statement: ast.stmt) -> None:
        match statement:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() if statement.decorator_list:
                raise unlike(statement, f"`{statement.name}` has a decorator")
            case ast.Expr() | ast.Return():
                self._effect(statement)
            case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
                self._assign(statement)
            case ast.With() | ast.AsyncWith():
                for item in statement.items:
                    self._enter(item.context_expr)
                self._statements(statement.body)
            case ast.If():
                self._if(statement)
            case ast.Try():
                self._statements([*statement.body, *statement.orelse, *statement.finalbody])
                self._aside([each for handler in statement.handlers for each in handler.body])
            case ast.For() | ast.While():
                self._aside([*statement.body, *statement.orelse])
            case _ if not isinstance(statement, _NO_EFFECT):
                raise unlike(statement, f"it has a statement `{type(statement).__name__.lower()}`")

    def _if(self, statement: ast.If) -> None:
        """Require that both branches migrate or neither does. The branch of the offline mode is never taken."""
        self._value(statement.test)
        if dotted(statement.test) == "context.is_offline_mode()" or self._never(statement.test):
            self._statements(statement.orelse)
            return
        before = self._migrated, self._configured, self._engines.made
        self._statements(statement.body)
        after = self._migrated, self._configured, self._engines.made
        self._migrated, self._configured, self._engines.made = before
        self._statements(statement.orelse)
        if self._migrated != after[0]:
            raise unlike(statement, "it migrates under a condition")
        self._configured, self._engines.made = max(self._configured, after[1]), max(self._engines.made, after[2])

    def _never(self, test: ast.expr) -> bool:
        """Return whether the test is `not config.get_main_option("sqlalchemy.url")`: the URL is always set."""
        if not (isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)):
            return False
        return is_given(test.operand, self._names, self._functions)

    def _aside(self, statements: Sequence[ast.stmt]) -> None:
        """Check statements that may run several times or not at all: they must not migrate."""
        before = self._configured, self._migrated
        self._statements(statements)
        if (self._configured, self._migrated) != before:
            raise unlike(statements[0], "it migrates in a loop or in an exception handler")

    def _assign(self, statement: ast.Assign | ast.AnnAssign | ast.AugAssign) -> None:
        if statement.value is None:
            return
        for target in statement.targets if isinstance(statement, ast.Assign) else [statement.target]:
            if isinstance(target, ast.Attribute):
                raise unlike(statement, f"it sets {dotted(target) or 'an attribute'}")
            if isinstance(target, ast.Subscript) and text_of(target.slice) == "sqlalchemy.url":
                self._engines.address(statement.value)
        self._value(statement.value)

    def _enter(self, expression: ast.expr) -> None:
        """Accept in a `with` only the engine's connection and Alembic's transaction."""
        name = dotted(expression)
        if not name.endswith((".connect()", ".begin()", "context.begin_transaction()")):
            raise unlike(expression, f"it enters {name or 'something'}")
        for each in ast.walk(expression):
            if isinstance(each, ast.Call):
                self._engines.look(each)
        if not self._engines.made and not name.startswith("context."):
            raise unlike(expression, "its engine is made elsewhere")

    def _effect(self, statement: ast.Expr | ast.Return) -> None:
        """Check an expression statement: a text, or a call."""
        value = statement.value.value if isinstance(statement.value, ast.Await) else statement.value
        if isinstance(value, ast.Call):
            self._call(value, dotted(value.func))
        elif value is not None:
            self._value(value)
        if isinstance(statement, ast.Return) and not self._migrated:
            raise unlike(statement, "it may return before it migrates")

    def _call(self, call: ast.Call, name: str) -> None:
        if self._migrated:
            if not name.endswith(_CLOSING) and not name.startswith(_HARMLESS):
                raise unlike(call, f"it continues after run_migrations() with {name or 'a call'}()")
        elif name == "context.configure":
            self._configure(call)
        elif name == "context.run_migrations":
            self._migrate(call)
        elif name.endswith(("set_main_option", "set_section_option")):
            self._engines.option(call)
        elif name in self._functions:
            self._follow(name)
        elif name in {"asyncio.run", "anyio.run"} or name.endswith((".run_until_complete", ".run_sync")):
            self._run(call)
        elif not name.startswith(_HARMLESS):
            raise unlike(call, f"it calls {name or 'something'}()")

    def _value(self, expression: ast.expr) -> None:
        """Check that an expression does not touch the database; register the engines that it makes."""
        for each in ast.walk(expression):
            if isinstance(each, ast.Call):
                function = dotted(each.func)
                if function.rpartition(".")[2] in _STATEMENTS or function.startswith("context.run_migrations"):
                    raise unlike(each, f"it calls {function}()")
                self._engines.look(each)

    def _configure(self, call: ast.Call) -> None:
        self._configured += 1
        usual = {"version_table": "alembic_version", "version_table_schema": None}
        for word in call.keywords:
            is_usual = (
                word.arg in usual and isinstance(word.value, ast.Constant) and word.value.value == usual[word.arg]
            )
            if word.arg not in _CONFIGURE and not is_usual:
                raise unlike(call, f"it calls context.configure with {word.arg or '**'}")
            self._value(word.value)
        if not self._engines.made and "attributes" not in ast.unparse(call):
            raise unlike(call, "its connection is made elsewhere")
        if self._configured > 1:
            raise unlike(call, "it calls context.configure() several times")

    def _migrate(self, call: ast.Call) -> None:
        if call.args or call.keywords or self._configured != 1:
            raise unlike(call, "it calls context.run_migrations() in an unusual way")
        self._migrated = True

    def _run(self, call: ast.Call) -> None:
        """Follow `asyncio.run(f())` and `connection.run_sync(f)`."""
        name = dotted(call.args[0]).removesuffix("()") if call.args else ""
        if name not in self._functions:
            raise unlike(call, f"it runs {name or 'something'}")
        self._follow(name)

    def _follow(self, name: str) -> None:
        if name in self._entered:
            raise Unrecognised(f"`{name}` calls itself")
        self._entered.append(name)
        self._statements(self._functions[name].body)
        self._entered.pop()
