"""Everything that may happen to a migration, and where it can be made to happen.

A fault begins when it strikes and is over when it returns. Where there is a network, its traffic stands still at some
byte when it strikes, and flows when it has returned.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.faults import of_network, of_process, of_server, of_sessions
from tests.faults.arena import Arena

PRIVATE = ("mariadb", "postgresql")  # servers that we start; MySQL is external
NETWORK = (*PRIVATE, "mysql")
EVERYWHERE = ("sqlite", *NETWORK)


@dataclass(frozen=True)
class Fault:
    """A fault.

    Attributes:
        backends: On which it can happen.
        at: The habit at which it has to strike; empty: anywhere.
    """

    strike: Callable[[Arena], Awaitable[None]]
    backends: tuple[str, ...]
    at: str = ""

    @property
    def name(self) -> str:
        """Return the fault's name."""
        return self.strike.__name__


_ALL = [
    Fault(of_process.process_killed, EVERYWHERE),
    Fault(of_process.process_stopped, EVERYWHERE),
    Fault(of_process.process_frozen, EVERYWHERE),
    Fault(of_process.process_overtaken, NETWORK),
    Fault(of_process.host_gone, NETWORK),
    Fault(of_server.server_killed, PRIVATE),
    Fault(of_server.server_restarted, PRIVATE),
    Fault(of_server.server_frozen, PRIVATE),
    Fault(of_server.server_full_of_connections, PRIVATE),
    Fault(of_server.server_read_only, PRIVATE),
    Fault(of_server.disk_full, ("sqlite", *PRIVATE), at="fill_the_disk"),
    Fault(of_network.connection_reset, NETWORK),
    Fault(of_network.connection_cut, NETWORK),
    Fault(of_network.black_hole, NETWORK),
    Fault(of_network.silence, NETWORK),
    Fault(of_network.latency, NETWORK),
    Fault(of_sessions.statement_cancelled, NETWORK),
    Fault(of_sessions.connection_killed, NETWORK),
    Fault(of_sessions.deadlock, NETWORK, at="lock_two_rows"),
    Fault(of_sessions.table_locked, EVERYWHERE),
    Fault(of_sessions.table_read, NETWORK, at="alter_what_is_read"),
]
FAULTS = {fault.name: fault for fault in _ALL}
