# SPDX-License-Identifier: Apache-2.0
"""A real Postfix, unpacked from Debian's package, with a queue of its own."""
import os
import pwd
import re
from pathlib import Path

from .server import PEERS, MailServer

_MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
daemon_directory = {peers}/usr/lib/postfix/sbin
command_directory = {peers}/usr/sbin
shlib_directory = {peers}/usr/lib/postfix
meta_directory = {peers}/etc/postfix
mail_owner = postfix
setgid_group = postdrop
import_environment = LD_LIBRARY_PATH MAIL_CONFIG MAIL_LOGTAG LANG=C
maillog_file = {log}
maillog_file_prefixes = {folder}
myhostname = mx.test
mydestination =
inet_interfaces = loopback-only
inet_protocols = all
alias_maps =
alias_database =
smtpd_peername_lookup = no
smtpd_relay_restrictions = reject_unauth_destination
smtpd_forbid_unauth_pipelining = yes
smtpd_timeout = 60s
virtual_mailbox_domains = example.net
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = static:box/
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{uid}
virtual_mailbox_limit = 0
message_size_limit = 0
queue_minfree = 0
smtpd_client_connection_count_limit = 0
{extra}
"""

# What a client meets: handed over by `pass`, by PROXY, by XCLIENT, or with nothing said about it.
_MASTER = """\
smtpd      pass  -  -  n  -  -  smtpd
127.0.0.1:2525  inet n - n - - smtpd
127.0.0.1:2626  inet n - n - - smtpd -o smtpd_upstream_proxy_protocol=haproxy
127.0.0.1:2727  inet n - n - - smtpd -o smtpd_authorized_xclient_hosts=127.0.0.0/8
cleanup    unix  n  -  n  -  0  cleanup
qmgr       unix  n  -  n  300  1  qmgr
rewrite    unix  -  -  n  -  -  trivial-rewrite
bounce     unix  -  -  n  -  0  bounce
defer      unix  -  -  n  -  0  bounce
trace      unix  -  -  n  -  0  bounce
error      unix  -  -  n  -  -  error
retry      unix  -  -  n  -  -  error
proxymap   unix  -  -  n  -  -  proxymap
virtual    unix  -  n  n  -  -  virtual
anvil      unix  -  -  n  -  1  anvil
postlog    unix-dgram n - n - 1  postlogd
"""


class Postfix(MailServer):
    """Takes mail for example.net. `extra` is more main.cf, `services` more master.cf."""

    PLAIN, PROXY, XCLIENT = "127.0.0.1:2525", "127.0.0.1:2626", "127.0.0.1:2727"

    def __init__(self, extra="", services=""):
        super().__init__("postfix", port=2525)
        config = self.folder / "etc"
        config.mkdir()
        uid = pwd.getpwnam("postfix").pw_uid
        (config / "main.cf").write_text(_MAIN.format(
            folder=self.folder, peers=PEERS, log=self.log, uid=uid, extra=extra))
        (config / "master.cf").write_text(_MASTER + services)
        for name in ("data", "mail", "queue"):
            (self.folder / name).mkdir()
        for name in ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold",
                     "incoming", "maildrop", "private", "public", "saved", "trace", "pid"):
            folder = self.folder / "queue" / name
            folder.mkdir(mode=0o755 if name in ("pid", "public") else 0o700)
            if name != "pid":
                os.chown(folder, uid, uid)
        for name in ("data", "mail"):
            os.chown(self.folder / name, uid, uid)
        self.command = [PEERS / "usr/lib/postfix/sbin/master", "-c", config, "-d"]

    @property
    def pass_socket(self) -> Path:
        return self.folder / "queue/private/smtpd"

    def connects(self) -> list[str]:
        """Client addresses of `connect from`, in order."""
        return re.findall(r"smtpd\[\d+\]: connect from \S*?\[([^]]+)\]", self.log_text())
