"""The settings of the process: its end, its log, its probes and metrics, and uvicorn's own variables."""

from pathlib import Path

from orchestrator.variables import parsers as parse
from orchestrator.variables.definition import Variables, variable


class ProcessSettings(Variables):
    """The second part of `Settings`."""

    drain_seconds: float = variable(
        "ORCHESTRATOR_DRAIN_SECONDS",
        0,
        "how long to keep serving after readiness is off, before the listener closes",
        "10",
        parse.seconds,
    )
    shutdown_seconds: float = variable(
        "ORCHESTRATOR_SHUTDOWN_SECONDS",
        25,
        "time limit from SIGTERM to exit; keep it below the container's stop timeout",
        "25",
        parse.positive_seconds,
    )
    log_config: Path | None = variable(
        "ORCHESTRATOR_LOG_CONFIG",
        None,
        "dictConfig file that uses the orchestrator's formatter (see docs/logging.md); default: `logging.yaml` if "
        "it does",
        "logging.yaml",
        parse.existing_file,
    )
    log_level: parse.LogLevel = variable(
        "ORCHESTRATOR_LOG_LEVEL",
        "info",
        "lowest level that is written, for events too; when set, also the level of the root logger",
        "debug",
        parse.choice(parse.LogLevel, any_case=True),
    )
    log_format: parse.LogFormat = variable(
        "ORCHESTRATOR_LOG_FORMAT",
        "auto",
        "`auto`: JSON, or readable text on a terminal",
        "json",
        parse.choice(parse.LogFormat),
    )
    service: str = variable("ORCHESTRATOR_SERVICE", "app", "name on every event", "plants", parse.label)
    version: str = variable(
        "ORCHESTRATOR_VERSION", "", "version on every event", "1.4.2", parse.label, may_be_empty=True
    )
    live_path: str = variable(
        "ORCHESTRATOR_LIVE_PATH",
        "/livez",
        "path of the liveness probe; empty: the app answers it",
        "/livez",
        parse.probe_path,
        may_be_empty=True,
    )
    ready_path: str = variable(
        "ORCHESTRATOR_READY_PATH",
        "/readyz",
        "path of the readiness probe; empty: the app answers it",
        "/readyz",
        parse.probe_path,
        may_be_empty=True,
    )
    startup_path: str = variable(
        "ORCHESTRATOR_STARTUP_PATH",
        "/startupz",
        "path of the startup probe, which shows progress; empty: the app answers it",
        "/startupz",
        parse.probe_path,
        may_be_empty=True,
    )
    status_detail: parse.StatusDetail = variable(
        "ORCHESTRATOR_STATUS_DETAIL",
        "public",
        "what the status page and the startup probe show; `full` adds error messages and revision ids",
        "full",
        parse.choice(parse.StatusDetail),
    )
    metrics: parse.Metrics = variable(
        "ORCHESTRATOR_METRICS",
        "none",
        "`emf`: write durations as CloudWatch embedded metrics (EMF), in the lines of the events",
        "emf",
        parse.choice(parse.Metrics),
    )
    metrics_namespace: str = variable(
        "ORCHESTRATOR_METRICS_NAMESPACE", "Orchestrator", "namespace of these metrics", "shop", parse.metric_namespace
    )
    environment: str = variable(
        "ORCHESTRATOR_ENVIRONMENT",
        "",
        "such as `production`: a dimension of these metrics beside the service, so that two environments do not add up",
        "production",
        parse.label,
        may_be_empty=True,
    )
    forwarded_allow_ips: str | None = variable(
        "FORWARDED_ALLOW_IPS",
        None,
        "uvicorn's own: addresses and networks of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed, or "
        "`*` for all, which is safe only if the load balancer alone can reach the port; default: 127.0.0.1",
        "10.0.0.0/16",
        parse.as_it_is,
        may_be_empty=True,  # uvicorn then believes no proxy
    )
    web_concurrency: int | None = variable(
        "WEB_CONCURRENCY",
        None,
        "must be 1 or not set: run more tasks instead of more processes",
        "1",
        parse.whole_number(
            1,
            1,
            "it must be 1 or not set: `serve` is one process; run more tasks, or start workers with "
            "`orchestrator run -- COMMAND`",
        ),
    )
