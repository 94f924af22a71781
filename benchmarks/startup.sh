#!/usr/bin/env bash
# The script that the orchestrator replaces, as good as it gets: it probes often, and starts Python once per attempt only.
set -euo pipefail
until python -c '
import os, pymysql
from urllib.parse import urlsplit
url = urlsplit(os.environ["DATABASE_URL"])
pymysql.connect(host=url.hostname, port=url.port, user=url.username, password=url.password or "", database=url.path[1:])
' 2>/dev/null; do sleep 1; done
alembic upgrade head
exec uvicorn app.main:app --host 127.0.0.1 --port "$PORT"
