"""Servers that offer TLS."""

import ssl
from collections.abc import Sequence
from pathlib import Path

import pytest
import sqlalchemy
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from tests.servers import MariaDB, PostgreSQL
from tests.servers.private import PrivateServer

MAKES = [MariaDB, PostgreSQL]
HERE = ("127.0.0.1", "localhost")


async def _encrypted(server: PrivateServer, ca_file: Path) -> bool:
    """Log in, with the chain and the host name verified as strictly as Python can."""
    context = ssl.create_default_context(cafile=ca_file)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    url = server.create_database().url
    engine = create_async_engine(url, poolclass=NullPool, connect_args={"ssl": context})
    show = {
        "mariadb": "SELECT variable_value <> '' FROM information_schema.session_status"
        " WHERE variable_name = 'ssl_version'",
        "postgresql": "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
    }[server.backend]
    async with engine.connect() as connection:
        return bool(await connection.scalar(sqlalchemy.text(show)))


@pytest.mark.parametrize("make", MAKES)
async def test_who_trusts_the_authority_is_let_in(make: type[PrivateServer]) -> None:
    """The certificate is good for the address and the name of this machine."""
    with make(certificate_for=HERE) as server:
        assert await _encrypted(server, server.ca_file)


@pytest.mark.parametrize("make", MAKES)
@pytest.mark.parametrize(("names", "reason"), [(["elsewhere.example"], "mismatch"), (HERE, "unable to get")])
async def test_a_wrong_certificate_is_found_out(make: type[PrivateServer], names: Sequence[str], reason: str) -> None:
    """One for another host, or of another authority."""
    with make(certificate_for=names) as server, make(certificate_for=HERE) as other:
        ca_file = other.ca_file if reason == "unable to get" else server.ca_file
        with pytest.raises((ssl.SSLCertVerificationError, sqlalchemy.exc.DBAPIError)) as caught:
            await _encrypted(server, ca_file)
        error = caught.value
        cause = error if isinstance(error, ssl.SSLError) else error.__cause__
        assert reason in str(cause)


@pytest.mark.parametrize("make", MAKES)
def test_without_a_certificate_there_is_no_tls(make: type[PrivateServer]) -> None:
    """The usual server speaks plainly."""
    show = {
        "mariadb": "SELECT @@have_ssl IN ('DISABLED', 'NO')",
        "postgresql": "SELECT current_setting('ssl') = 'off'",
    }
    with make() as server:
        assert server.execute(show[server.backend]) == [(True,)]
