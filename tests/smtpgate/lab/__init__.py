# SPDX-License-Identifier: Apache-2.0
"""A mail site in a network namespace: real servers, clients with any address, and the gate."""
from .client import SERVER, SERVER6, Client, Reply
from .dns import Rbldnsd, ScriptedDns, Unbound, reverse_records
from .exim import Exim
from .gate import Gate, free_address, run_cli
from .namespace import main, scratch
from .postfix import Postfix
from .server import Server, eventually, pids_of
from .sink import Sink
