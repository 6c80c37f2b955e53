# SPDX-License-Identifier: Apache-2.0
"""A real Exim, unpacked from Debian's package, that trusts PROXY headers from loopback."""
import os
import pwd

from .server import PEERS, MailServer

_CONFIG = """\
primary_hostname = mx.test
exim_path = {peers}/usr/sbin/exim4
keep_environment = LD_LIBRARY_PATH
deliver_drop_privilege
spool_directory = {folder}/spool
log_file_path = {folder}/exim-%s.log
pid_file_path = {folder}/exim.pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = 2525
hosts_proxy = 127.0.0.1
tls_advertise_hosts =
host_lookup =
rfc1413_hosts =
acl_smtp_rcpt = accept
never_users =
qualify_domain = example.net
begin acl
begin routers
box:
  driver = accept
  transport = box
begin transports
box:
  driver = appendfile
  directory = {folder}/mail/box
  maildir_format
  user = Debian-exim
begin retry
* * F,1h,1m
"""


class Exim(MailServer):
    PROXY = "127.0.0.1:2525"

    def __init__(self):
        super().__init__("exim", port=2525)
        config = self.folder / "exim.conf"
        config.write_text(_CONFIG.format(folder=self.folder, peers=PEERS))
        os.chown(self.folder, pwd.getpwnam("Debian-exim").pw_uid, -1)
        self.command = [PEERS / "usr/sbin/exim4", "-C", config, "-bdf"]

    def main_log(self) -> str:
        log = self.folder / "exim-main.log"
        return log.read_text(errors="replace") if log.exists() else ""
