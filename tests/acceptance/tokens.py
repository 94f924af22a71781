"""Tokens of IAM, and who judges them as RDS does."""

import datetime as dt
from urllib.parse import parse_qs, quote, urlsplit

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.acceptance.outcome import assert_well_formed
from tests.harness import Output
from tests.servers import HOST

REGION = "eu-central-1"
SESSION = "IQoJb3JpZ2luX2VjE/+==" * 40
KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    "AWS_SESSION_TOKEN": SESSION,
}
NOTHING = {"AWS_EC2_METADATA_DISABLED": "true"}
ROLE = Credentials(KEYS["AWS_ACCESS_KEY_ID"], KEYS["AWS_SECRET_ACCESS_KEY"], SESSION)
BUDGET = {"ORCHESTRATOR_WAIT_TIMEOUT_SECONDS": "60", "ORCHESTRATOR_LOG_LEVEL": "debug"}


class Judge:
    """Decides as RDS does: is this the token that our role makes for this host, port and user, and is it fresh?

    Attributes:
        let_in: The user of each login, in their order.
        tokens: Everything that was offered for a password.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.let_in: list[str] = []
        self.tokens: list[str] = []
        self.closed = False

    def lets_in(self, user: str, token: str) -> bool:
        """Sign the same request again, for the moment that the token names, and compare."""
        self.tokens.append(token)
        asked = urlsplit(f"https://{token}")
        query = {name: value for name, (value,) in parse_qs(asked.query).items()}
        moment = dt.datetime.strptime(query.get("X-Amz-Date", "20000101T000000Z"), "%Y%m%dT%H%M%S%z")
        fresh = abs(dt.datetime.now(dt.UTC) - moment) < dt.timedelta(minutes=15)
        right = self._signature(user, moment) == query.get("X-Amz-Signature") and asked.netloc == f"{HOST}:{self.port}"
        if fresh and right and not self.closed:
            self.let_in.append(user)
            return True
        return False

    def _signature(self, user: str, moment: dt.datetime) -> str:
        request = AWSRequest("GET", f"https://{HOST}:{self.port}/?Action=connect&DBUser={quote(user, safe='')}")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(botocore.auth, "get_current_datetime", lambda: moment.replace(tzinfo=None))
            botocore.auth.SigV4QueryAuth(ROLE, "rds-db", REGION, expires=900).add_auth(request)
        return parse_qs(urlsplit(str(request.url)).query)["X-Amz-Signature"][0]


def assert_hidden(output: Output, judge: Judge) -> None:
    """No token is seen, nor what makes one."""
    assert_well_formed(output)
    story = output.story()
    for token in judge.tokens:
        assert token.rpartition("=")[2] not in story
    for secret in (*KEYS.values(), quote(SESSION, safe="")):
        assert secret not in story or secret == KEYS["AWS_ACCESS_KEY_ID"]
