"""Finds where the code changes a library or uses its private names: the seams that docs/decisions/seams.md lists."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path("orchestrator")
_HOOKS = {  # functions that hook into a library, the interpreter or the kernel
    "asyncio.set_event_loop_policy",
    "event.listen",
    "event.listens_for",
    "gc.freeze",
    "gc.set_threshold",
    "logging.setLogRecordFactory",
    "os.dup2",
    "os.register_at_fork",
    "signal.set_wakeup_fd",
    "signal.signal",
    "structlog.configure",
    "sys.addaudithook",
}
_SUBCLASSED = {"uvicorn.Server", "Connection", "traceback.StackSummary"}  # our overrides change their behaviour
_DOCUMENTED = {  # attributes that their library documents as the way to configure an object
    *("__cause__", "__notes__", "daemon", "disabled"),
    *("check_hostname", "verify_flags", "verify_mode"),  # ssl.SSLContext
    *("args", "created", "end", "exc_info", "exc_text", "propagate", "stack_info"),  # of records and loggers
    *("dot_nl", "encoding", "log_errors", "never_capture"),  # re2.Options
    *("argtypes", "restype", "text", "msg"),  # ctypes, ElementTree, SyntaxError
    *("depth", "orchestrator_elapsed", "orchestrator_state"),  # ours, on a threading.local and on records
}
_SHARED = {"connection"}  # attributes of ours that an object of a library has too


def seams(root: Path = ROOT) -> set[tuple[str, str]]:
    """Return each seam: its module (`log.hooks`) and the name that is changed or used (`sys.excepthook`)."""
    trees = {path: path.read_text(encoding="utf-8") for path in sorted(root.rglob("*.py"))}
    own = {name for source in trees.values() for name in _declared(ast.parse(source))} - _SHARED | _DOCUMENTED
    return {
        (".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"), name)
        for path, source in trees.items()
        for name in _in_module(source, own)
    }


def _in_module(source: str, own: set[str]) -> Iterator[str]:
    """Yield the seams of a module; `own` are the attributes of our own classes."""
    lines = source.splitlines()
    tree = ast.parse(source)
    classes = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in _HOOKS:
            yield _hook(node)
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("addFilter"):
            yield "addFilter"
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "setattr":
            yield f"setattr({ast.unparse(node.args[0])})"
        if isinstance(node, ast.ClassDef):
            yield from (f"class {base}" for base in map(ast.unparse, node.bases) if base in _SUBCLASSED)
        if isinstance(node, ast.Attribute) and not _is_self(node.value) and ast.unparse(node.value) not in classes:
            private = node.attr.startswith("_") and not node.attr.startswith("__")
            if private and "SLF001" in lines[(node.end_lineno or 1) - 1]:
                yield node.attr
            if isinstance(node.ctx, ast.Store):
                imported, line = _is_imported(node, tree), lines[node.lineno - 1]
                if imported or node.attr not in own or "type: ignore[assignment]" in line:
                    yield ast.unparse(node) if imported else node.attr


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in {"self", "cls"}


def _is_imported(node: ast.Attribute, tree: ast.Module) -> bool:
    """Return whether the attribute belongs to something imported from outside the package."""
    first = ast.unparse(node).partition(".")[0]
    if "(" in ast.unparse(node):
        return False
    for each in ast.walk(tree):
        if isinstance(each, ast.Import) and first in {a.asname or a.name.partition(".")[0] for a in each.names}:
            return True
        foreign = isinstance(each, ast.ImportFrom) and not str(each.module).startswith("orchestrator")
        if foreign and first in {a.asname or a.name for a in each.names}:  # type: ignore[attr-defined]
            return True
    return False


def _declared(tree: ast.Module) -> Iterator[str]:
    """Yield the attributes that our classes declare or set on themselves."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            for each in node.body:
                if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
                    yield each.target.id
                if isinstance(each, ast.Assign):
                    yield from (target.id for target in each.targets if isinstance(target, ast.Name))
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and _is_self(node.value):
            yield node.attr


def _hook(call: ast.Call) -> str:
    """Return the name of a hook; of an event, its target and its name."""
    name = ast.unparse(call.func)
    if not name.startswith("event.") or len(call.args) < 2:
        return name
    target, event = call.args[:2]
    return f"{ast.unparse(target)}.{str(event.value) if isinstance(event, ast.Constant) else '*'}"
