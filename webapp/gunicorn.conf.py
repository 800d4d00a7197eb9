"""How gunicorn serves the application: behind a load balancer, stopping within the deregistration delay."""

import os
import secrets
from pathlib import Path
from typing import Any

from shiftlog.logs import logging_config
from shiftlog.settings import load

settings = load()

bind = f"{settings.address}:{settings.port}"
chdir = str(Path(__file__).resolve().parent)
workers = 2
worker_class = "gthread"
threads = 16
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # a heartbeat on a slow disk looks like a hang
timeout = 30
graceful_timeout = 10  # no longer than the shortest deregistration delay that params/ allow
keepalive = 75  # longer than the load balancer's idle time of 60 s: else it may reuse a connection just being closed
control_socket_disable = True
max_requests = 0
# What is longer (414, 431) or no HTTP at all (400), gunicorn refuses by itself: with a bare page, without our headers
# and request id, and with one warning in the log. The load balancer lets 16 KB of a request line and 64 KB of headers
# pass; no page of ours makes half as much as what is allowed here.
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html
limit_request_line = 8190
limit_request_fields = 64
limit_request_field_size = 8190
forwarded_allow_ips = ""  # who the client is, is read from the load balancer's header in one place: shiftlog
logconfig_dict: dict[str, Any] = logging_config()

# Without a session secret (development only) the workers must still agree on one.
os.environ.setdefault("SESSION_SECRET", secrets.token_hex(32))
