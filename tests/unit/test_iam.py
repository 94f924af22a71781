"""Tokens of RDS: what they are signed with, where the credentials come from, and that none is shown."""

import datetime as dt
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import botocore.auth
import botocore.session
import pytest
from botocore.model import ServiceId
from botocore.signers import RequestSigner

from orchestrator.log.redaction import Redactor
from orchestrator.logins.iam import Login, TokenError, Tokens, region_of, secrets_of
from tests.unit.rds_tokens import ENDPOINT, KEYS, forget_credentials

NOON = dt.datetime(2026, 11, 23, 12, 0, 0)  # noqa: DTZ001  # as botocore has it


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Take away all that a machine may have of AWS."""
    forget_credentials(monkeypatch, tmp_path)


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the credentials of a role, a session token with all its special characters included."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


def signed_by_botocore(login: Login, region: str) -> str:
    """What botocore's own signer makes of the request that a token stands for."""
    session = botocore.session.get_session()
    service, events = ServiceId("rds-db"), session.get_component("event_emitter")
    signer = RequestSigner(service, region, "rds-db", "v4", session.get_credentials(), events)
    url = f"https://{login.host}:{login.port}/?Action=connect&DBUser={quote(login.user, safe='')}"
    request = {"method": "GET", "url": url, "body": {}, "headers": {}, "context": {}}
    signed: str = signer.generate_presigned_url(request, "connect", expires_in=900, region_name=region)
    return signed.removeprefix("https://")


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize("user", ["app", "jane doe", "a@b/c:d%e+f&g=h", "ключ", "ro$e"])
@pytest.mark.parametrize("port", [3306, 5432, 6432])
def test_a_token_is_what_botocores_own_signer_makes(monkeypatch: pytest.MonkeyPatch, user: str, port: int) -> None:
    """At the same moment, with the same keys: RDS recomputes the signature and compares."""
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: NOON)
    login = Login(ENDPOINT, port, user)
    token = Tokens({}).mint(login)
    assert token == signed_by_botocore(login, "eu-central-1")
    query = parse_qs(urlsplit(f"https://{token}").query)
    assert query["DBUser"] == [user]
    assert query["X-Amz-Expires"] == ["900"]
    assert query["X-Amz-Date"] == ["20261123T120000Z"]
    assert query["X-Amz-Security-Token"] == [KEYS["AWS_SESSION_TOKEN"]]


@pytest.mark.usefixtures("keys")
def test_each_attempt_has_a_token_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """An old one is refused after 15 minutes, which a start may well wait."""
    moments = iter([NOON, NOON + dt.timedelta(seconds=1)])
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: next(moments))
    tokens = Tokens({})
    assert tokens.mint(Login(ENDPOINT, 3306, "app")) != tokens.mint(Login(ENDPOINT, 3306, "app"))


@pytest.mark.parametrize(
    ("host", "region"),
    [
        (ENDPOINT, "eu-central-1"),
        (ENDPOINT.upper(), "eu-central-1"),
        (f"{ENDPOINT}.", "eu-central-1"),
        ("plants.cluster-ro-c9akciq32.us-gov-west-1.rds.amazonaws.com", "us-gov-west-1"),
        ("plants.proxy-c9akciq32.ap-southeast-2.rds.amazonaws.com", "ap-southeast-2"),
        ("plants.c9akciq32.rds.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("plants.c9akciq32.cn-north-1.rds.amazonaws.com.cn", "cn-north-1"),
        ("db.internal", "task-region-1"),
        ("eu-central-1.rds.amazonaws.com.evil.example", "task-region-1"),
        ("10.0.0.7", "task-region-1"),
        ("", "task-region-1"),
    ],
)
def test_the_endpoint_knows_its_region_better_than_the_task(host: str, region: str) -> None:
    """A task may well use a database of another region; a token for its own would be refused."""
    assert region_of(host, {"AWS_REGION": "task-region-1", "AWS_DEFAULT_REGION": "another-1"}) == region


def test_the_tasks_region_has_two_names() -> None:
    """ECS sets the first, people the second."""
    assert region_of("db", {"AWS_DEFAULT_REGION": "eu-west-1"}) == "eu-west-1"
    assert region_of("db", {}) is None
    assert region_of("db", {"AWS_REGION": ""}) is None


@pytest.fixture
def answers() -> list[tuple[int, str]]:
    """Return the responses of the task role's endpoint, in sequence; the last one repeats."""
    return []


@pytest.fixture
def endpoint(answers: list[tuple[int, str]], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let an endpoint give credentials, as ECS does."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answers.pop(0) if len(answers) > 1 else answers[0]
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"http://127.0.0.1:{server.server_port}/v2")
        monkeypatch.setattr("botocore.utils.ContainerMetadataFetcher.SLEEP_TIME", 0)
        yield
        server.shutdown()
        thread.join()


GIVEN = json.dumps(
    {
        "AccessKeyId": KEYS["AWS_ACCESS_KEY_ID"],
        "SecretAccessKey": KEYS["AWS_SECRET_ACCESS_KEY"],
        "Token": KEYS["AWS_SESSION_TOKEN"],
        "Expiration": "2099-01-01T00:00:00Z",
    }
)


def test_without_credentials_there_is_no_token() -> None:
    """The task has no role; the message is botocore's."""
    with pytest.raises(TokenError, match=r"no token for app: NoCredentialsError: Unable to locate credentials"):
        Tokens({}).mint(Login(ENDPOINT, 3306, "app"))


@pytest.mark.usefixtures("endpoint")
@pytest.mark.parametrize("bad", [(500, "oops"), (200, "no JSON"), (404, ""), (200, "{}"), (200, "[]"), (200, "null")])
def test_an_endpoint_that_recovers_gives_the_next_attempt_its_token(
    answers: list[tuple[int, str]], bad: tuple[int, str]
) -> None:
    """What failed is not kept: the same process tries again in a moment."""
    answers[:] = [bad]
    tokens = Tokens({})
    with pytest.raises(TokenError) as caught:
        tokens.mint(Login(ENDPOINT, 3306, "app"))
    assert KEYS["AWS_SECRET_ACCESS_KEY"] not in str(caught.value)
    answers[:] = [(200, GIVEN)]
    assert "X-Amz-Credential=AKIDEXAMPLE" in tokens.mint(Login(ENDPOINT, 3306, "app"))


@pytest.mark.usefixtures("endpoint")
def test_credentials_that_have_expired_are_fetched_again(answers: list[tuple[int, str]]) -> None:
    """A task lives for weeks, and its credentials for hours."""
    answers[:] = [(200, GIVEN.replace("2099", "2001")), (200, GIVEN.replace("AKIDEXAMPLE", "AKIDNEXT"))]
    tokens = Tokens({})
    made = [tokens.mint(Login(ENDPOINT, 3306, "app")) for _ in range(2)]
    assert "AKIDNEXT" in made[-1]


@pytest.mark.usefixtures("keys")
def test_a_token_is_hidden_in_every_form() -> None:
    """The signature, and the session, encoded or not; a token without them is an address."""
    token = Tokens({}).mint(Login(ENDPOINT, 3306, "app"))
    redactor = Redactor()
    redactor.register(secrets_of(token))
    signature = token.rpartition("=")[2]
    assert len(signature) == 64
    for text in (token, quote(token, safe=""), repr(token), json.dumps({"password": token}), KEYS["AWS_SESSION_TOKEN"]):
        shown = redactor.text(f"cannot log in with {text} at all")
        assert signature not in shown
        assert KEYS["AWS_SESSION_TOKEN"] not in shown
        assert quote(KEYS["AWS_SESSION_TOKEN"], safe="") not in shown
