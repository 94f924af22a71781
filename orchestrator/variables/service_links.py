"""The variables that Kubernetes sets for each Service: not meant for us, even where they have the name of a setting.

A Service called `database` sets DATABASE_PORT=tcp://10.0.0.7:5432 in every pod of its namespace, unless the pod has
`enableServiceLinks: false`: https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
"""

from collections.abc import Iterable, Mapping

from orchestrator.patterns import pattern

_NAME = pattern(r".+_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)")
_LINK = pattern(r"(tcp|udp|sctp)://\S+:\d{1,5}")


def is_service_link(name: str, value: str) -> bool:
    """Return whether Kubernetes set this variable; a `..._PORT` is recognised by its value."""
    return bool(_NAME.fullmatch(name) or (name.endswith("_PORT") and _LINK.fullmatch(value)))


def service_links(environ: Mapping[str, str], prefixes: Iterable[str]) -> list[str]:
    """Return the names of these variables that begin with one of the prefixes."""
    return sorted(name for name in environ if name.startswith(tuple(prefixes)) and is_service_link(name, environ[name]))
