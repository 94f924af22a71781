"""Galera: a cluster with a single MariaDB."""

from tests.servers import binaries
from tests.servers.mariadb import MariaDB
from tests.servers.ports import HOST, free_port


class Galera(MariaDB):
    """A MariaDB that is the first node of a cluster, and the only one."""

    def __init__(self) -> None:
        own = {
            "base_host": HOST,
            "base_port": free_port(),
            "gmcast.listen_addr": f"tcp://{HOST}:{free_port()}",
            "gcache.size": "1M",
        }
        super().__init__(
            "--wsrep-on=ON",
            f"--wsrep-provider={binaries.galera()}",
            f"--wsrep-provider-options={';'.join(f'{name}={value}' for name, value in own.items())}",
            "--wsrep-cluster-address=gcomm://",
            "--wsrep-new-cluster",
            f"--wsrep-node-address={HOST}",
            "--binlog-format=ROW",
            "--innodb-autoinc-lock-mode=2",
        )
