"""deploy/ and docs/ecs.md agree with the program, the image and each other."""

import re

import pytest

from orchestrator.cloudwatch.alarms import ALARMS
from orchestrator.cloudwatch.metrics import METRICS
from orchestrator.cloudwatch.template import render
from orchestrator.errors import Failure
from orchestrator.events import CATALOGUE
from orchestrator.settings.model import Settings
from tests.unit.deployment import DEPLOY, TEMPLATES, VARIANTS, service, template

ROOT = DEPLOY.parent


def test_the_observability_template_is_what_the_program_prints() -> None:
    """If this fails: `orchestrator cloudwatch > deploy/observability.yaml`."""
    assert (DEPLOY / "observability.yaml").read_text(encoding="utf-8") == render("yaml")


def test_the_observability_stack_hands_over_what_the_service_asks_for() -> None:
    """A log group whose name the parameter takes, and an alarm of the kind that AWS documents: a metric alarm."""
    made = template("observability.yaml")
    asked = template("service.yaml")["Parameters"]
    assert {"LogGroupName", "DeploymentAlarmName"} <= set(made["Outputs"])
    alarm = made["Resources"][made["Outputs"]["DeploymentAlarmName"]["Value"]["Ref"]]
    assert alarm["Type"] == "AWS::CloudWatch::Alarm"
    assert re.search(asked["LogGroupName"]["AllowedPattern"], made["Parameters"]["LogGroupName"]["Default"])


@pytest.mark.parametrize("name", [*TEMPLATES, "observability.yaml"])
def test_a_template_is_small_enough_to_be_sent_as_it_is(name: str) -> None:
    """A longer one needs an S3 bucket: the limit is 51,200 bytes, by the reference of CreateStack."""
    assert (DEPLOY / name).stat().st_size <= 51_200


def test_the_user_and_the_port_are_those_of_the_image() -> None:
    """A user that the image does not know could not read its files."""
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert f"USER {service().container['User']}" in dockerfile
    assert f"EXPOSE {service().container['PortMappings'][0]['ContainerPort']}" in dockerfile


# ---------------------------------------------------------------- docs/ecs.md


def documented() -> str:
    """The page."""
    return (ROOT / "docs" / "ecs.md").read_text(encoding="utf-8")


def test_the_times_are_documented_as_they_are() -> None:
    """A person looks at the table while a deployment hangs."""
    settings, parameters = Settings(), template("service.yaml")["Parameters"]
    check = service().container["HealthCheck"]
    group = service(**VARIANTS["load balancer"]).resources["TargetGroup"]
    intervals = [group["HealthCheckIntervalSeconds"], group["HealthCheckTimeoutSeconds"]]
    thresholds = [group["HealthyThresholdCount"], group["UnhealthyThresholdCount"]]
    expected = {
        "`ORCHESTRATOR_WAIT_TIMEOUT_SECONDS`": [settings.wait_timeout_seconds],
        "`ORCHESTRATOR_LOCK_TIMEOUT_SECONDS`": [settings.lock_timeout_seconds],
        "`ORCHESTRATOR_DDL_RETRY_SECONDS`": [settings.ddl_retry_seconds],
        "`HealthCheckGracePeriodSeconds`": [parameters["HealthCheckGracePeriodSeconds"]["Default"]],
        "`StartPeriod`": [check["StartPeriod"]],
        "`Interval`, `Timeout`, `Retries`": [check["Interval"], check["Timeout"], check["Retries"]],
        "target group: interval, timeout, thresholds": intervals + thresholds,
        "`DeregistrationDelaySeconds`": [parameters["DeregistrationDelaySeconds"]["Default"]],
        "`DrainSeconds`": [parameters["DrainSeconds"]["Default"]],
        "`ORCHESTRATOR_SHUTDOWN_SECONDS`": [settings.shutdown_seconds],
        "`StopTimeoutSeconds`": [parameters["StopTimeoutSeconds"]["Default"]],
    }
    rows = re.findall(r"^\| ([\d, ]+) \| ([^|]+) \|", documented(), re.MULTILINE)
    assert {name: list(map(float, numbers.split(","))) for numbers, name in rows} == expected


def test_the_alarm_has_the_name_that_the_readme_gives_it() -> None:
    """The service is first deployed by hand, with that name."""
    (name,) = re.findall(r"DeploymentAlarmName=(\S+)", (DEPLOY / "README.md").read_text(encoding="utf-8"))
    made = template("observability.yaml")
    alarm = made["Resources"][made["Outputs"]["DeploymentAlarmName"]["Value"]["Ref"]]
    assert alarm["Properties"]["AlarmName"]["Fn::Sub"].replace("${AWS::StackName}", "plants-observability") == name


def test_every_failure_is_documented_with_its_exit_code() -> None:
    """A name that no event has cannot be found in the log."""
    rows = re.findall(r"^\| [^|]+ \| `(\w+)`, (\d+)", documented(), re.MULTILINE)
    failures = {kind.name: kind.exits_with for kind in CATALOGUE.values() if issubclass(kind, Failure)}
    assert {name: int(code) for name, code in rows} == failures


@pytest.mark.parametrize("picture", ["ecs-deployment.svg", "ecs-rollback.svg"])
def test_the_pictures_show_real_events(picture: str) -> None:
    """And the page shows them."""
    text = (ROOT / "docs" / picture).read_text(encoding="utf-8")
    told = {each.split(",")[0] for each in re.findall(r'class="event"[^>]*>([^<]+)<', text)}
    assert told
    assert told <= set(CATALOGUE)
    assert f"({picture})" in documented()


@pytest.mark.parametrize("page", ["docs/ecs.md", "docs/costs.md", "deploy/README.md"])
def test_no_link_leads_nowhere(page: str) -> None:
    """Neither to a file nor to a heading that is not there."""
    path = ROOT / page
    for link in re.findall(r"\]\((?!https:)([^)]+)\)", path.read_text(encoding="utf-8")):
        name, _, heading = link.partition("#")
        target = path.parent / name if name else path
        assert target.is_file(), link
        assert not heading or heading in headings(target.read_text(encoding="utf-8")), link


def headings(text: str) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    found = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in found}


def test_every_reference_is_defined_and_used() -> None:
    """An undefined one is shown as it is written."""
    text = documented()
    defined = set(re.findall(r"^\[(\w+)\]: https://", text, re.MULTILINE))
    used = set(re.findall(r"\]\[(\w+)\]|[( ]\[(\w+)\][),;:]", text))
    assert {first or second for first, second in used} == defined


def test_the_costs_add_up() -> None:
    """Amount times price, to the cent, and their sum; whether the prices are right no test can know."""
    text = (ROOT / "docs" / "costs.md").read_text(encoding="utf-8")
    for table in re.findall(r"^\| what .*?^\| \*\*sum.*?$", text, re.MULTILINE | re.DOTALL):
        rows = re.findall(r"\| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$", table, re.MULTILINE)
        for amount, price, month in rows:
            assert abs(float(amount) * float(price) - float(month)) <= 0.0051, (amount, price, month)
        (total,) = re.findall(r"\*\*([\d.]+)\*\* \|$", table, re.MULTILINE)
        assert round(sum(float(month) for _, _, month in rows), 2) == float(total)


def test_the_metrics_and_alarms_that_are_paid_for_are_as_many_as_there_are() -> None:
    """One more alarm is one more line of the bill."""
    text = (ROOT / "docs" / "costs.md").read_text(encoding="utf-8")
    assert f"| alarms | {len(ALARMS)} |" in text
    steady = [metric for metric in METRICS if metric.default is not None]
    assert f"| metrics that are published all the time | {len(steady)} |" in text
