"""The servers: what each is started with, its xinetd, and the processor time and the processes of its sessions."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import time

BUILD = pathlib.Path(os.environ["BUILD"])
RESULTS = pathlib.Path(os.environ["RESULTS"])
NAME = os.environ["NAME"]
PEERS = RESULTS / "peers"
HOME = pathlib.Path("/srv/home/alice")
PLACE = pathlib.Path("/run/bench")
CERTIFICATE = PLACE / "certificate.pem"
PATIENCE = 120

OPTIONAL = ("soloftpd-open", "vsftpd-walls")  # only when they are asked for

# soloftpd keeps its defaults, walls, atomic uploads, TCP wrappers and books, and writes its log.
SOLOFTPD = """\
anonymous_enable=YES
local_enable=YES
write_enable=YES
anon_root=/srv/ftp
pam_service_name=ftp
xferlog_enable=YES
ascii_download_enable=YES
ascii_upload_enable=YES
"""
SOLOFTPD_TLS = f"""\
ssl_enable=YES
rsa_cert_file={CERTIFICATE}
rsa_private_key_file={CERTIFICATE}
"""
SOLOFTPD_OPEN = "seccomp_sandbox=NO\nlandlock_sandbox=NO\nlogin_sandbox=NO\n"
# The others do nothing but serve: no logs, no wrappers, no walls.
VSFTPD_WALLS = """\
listen=NO
listen_ipv6=NO
anonymous_enable=YES
local_enable=YES
write_enable=YES
anon_root=/srv/ftp
pam_service_name=ftp
tcp_wrappers=NO
xferlog_enable=NO
syslog_enable=NO
dual_log_enable=NO
session_support=NO
dirmessage_enable=NO
setproctitle_enable=NO
connect_from_port_20=NO
use_sendfile=YES
ascii_download_enable=YES
ascii_upload_enable=YES
secure_chroot_dir=/run/vsftpd/empty
idle_session_timeout=1200
data_connection_timeout=600
"""
VSFTPD = VSFTPD_WALLS + "isolate=NO\nisolate_network=NO\nseccomp_sandbox=NO\n"
VSFTPD_TLS = f"""\
ssl_enable=YES
rsa_cert_file={CERTIFICATE}
rsa_private_key_file={CERTIFICATE}
force_local_data_ssl=NO
force_local_logins_ssl=NO
require_ssl_reuse=NO
ssl_ciphers=HIGH
"""
PROFTPD = """\
ServerName bench
ServerType inetd
DefaultServer on
UseIPv6 off
UseReverseDNS off
User nobody
Group nogroup
Umask 022 022
AllowOverwrite on
TransferLog NONE
SystemLog NONE
WtmpLog off
ScoreboardFile none
UseFtpUsers off
RequireValidShell off
AuthOrder mod_auth_pam.c* mod_auth_unix.c
AuthPAM on
AuthPAMConfig ftp
UseSendfile on
TimeoutIdle 1200
TimeoutNoTransfer 0
TimeoutStalled 0
TimeoutLogin 0
<IfModule mod_delay.c>
DelayEngine off
</IfModule>
<IfModule mod_ctrls.c>
ControlsEngine off
</IfModule>
<Anonymous /srv/ftp>
User ftp
Group nogroup
UserAlias anonymous ftp
</Anonymous>
"""
PROFTPD_TLS = f"""\
ModulePath {PEERS}/proftpd-modules
LoadModule mod_tls.c
{PROFTPD}
TLSEngine on
TLSProtocol TLSv1.2 TLSv1.3
TLSECCertificateFile {CERTIFICATE}
TLSECCertificateKeyFile {CERTIFICATE}
TLSOptions NoSessionReuseRequired
"""


def configuration(name, text):
    path = PLACE / name
    path.write_text(text)
    path.chmod(0o600)
    return str(path)


def words():
    """What starts each server, without and with TLS."""
    soloftpd, vsftpd = str(BUILD / "soloftpd"), str(PEERS / "vsftpd/usr/sbin/vsftpd")
    proftpd, pure = str(PEERS / "proftpd-core/usr/sbin/proftpd"), str(PEERS / "pure-ftpd/usr/sbin/pure-ftpd")
    plain = [pure, "-l", "pam", "-H", "-u", "1", "-m", "1000", "-I", "60", "-L", "5000000:8", "-f", "none", "-c", "10000"]
    return {
        "limit": ([str(BUILD / "limit"), str(HOME)], [str(BUILD / "limit-tls"), str(HOME), str(CERTIFICATE)]),
        "soloftpd": ([soloftpd, configuration("solo", SOLOFTPD)],
                     [soloftpd, configuration("solo-tls", SOLOFTPD + SOLOFTPD_TLS)]),
        "soloftpd-open": ([soloftpd, configuration("open", SOLOFTPD + SOLOFTPD_OPEN)],
                          [soloftpd, configuration("open-tls", SOLOFTPD + SOLOFTPD_OPEN + SOLOFTPD_TLS)]),
        "vsftpd": ([vsftpd, configuration("vsftpd", VSFTPD)],
                   [vsftpd, configuration("vsftpd-tls", VSFTPD + VSFTPD_TLS)]),
        "vsftpd-walls": ([vsftpd, configuration("vsftpd-walls", VSFTPD_WALLS)], None),
        "pure-ftpd": (plain, [*plain, "-Y", "1", "-2", str(CERTIFICATE)]),
        "proftpd": ([proftpd, "-c", configuration("proftpd", PROFTPD)],
                    [proftpd, "-c", configuration("proftpd-tls", PROFTPD_TLS)]),
        "inetutils": ([str(PEERS / "inetutils-ftpd/usr/sbin/ftpd"), "-t", "1200", "-T", "7200"], None),
    }


class Group:
    """A control group: counts processor time, and knows the processes. The older and the newer kind."""

    def __init__(self, name):
        older = pathlib.Path("/sys/fs/cgroup/cpuacct")
        self.older = older.is_dir()
        self.path = (older if self.older else pathlib.Path("/sys/fs/cgroup")) / f"bench-{NAME}-{name}"
        self.path.mkdir()
        self.usage = self.path / ("cpuacct.usage" if self.older else "cpu.stat")

    def seconds(self):
        if self.older:
            return int(self.usage.read_text()) / 1e9
        return int(self.usage.read_text().split()[1]) / 1e6

    def join(self):
        (self.path / "cgroup.procs").write_text(str(os.getpid()))

    def processes(self):
        return [int(word) for word in (self.path / "cgroup.procs").read_text().split()]

    def remove(self):
        for _ in range(50):
            try:
                self.path.rmdir()
                return
            except OSError:
                time.sleep(0.1)


class Server:
    """One server under an xinetd of its own."""

    def __init__(self, name, command, port):
        self.name, self.port = name, port
        self.group = Group(str(port))
        entry = PLACE / f"xinetd.{port}"
        entry.write_text(f"""\
service bench
{{
    type = UNLISTED
    port = {port}
    bind = 127.0.0.1
    socket_type = stream
    protocol = tcp
    wait = no
    user = root
    server = {command[0]}
    server_args = {" ".join(command[1:])}
    instances = UNLIMITED
    per_source = UNLIMITED
    cps = 1000000 1
    flags = NOLIBWRAP
    log_type = FILE /dev/null
}}
""")
        with open(PLACE / f"xinetd.{port}.log", "wb") as log:
            self.xinetd = subprocess.Popen(
                [shutil.which("xinetd"), "-dontfork", "-f", entry, "-pidfile", PLACE / f"xinetd.{port}.pid"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=self.group.join)
        self.wait_for_port()

    def wait_for_port(self):
        for _ in range(200):
            if f":{self.port:04X} 00000000:0000 0A" in pathlib.Path("/proc/net/tcp").read_text():
                return
            time.sleep(0.05)
        raise RuntimeError(f"xinetd of {self.name} does not listen")

    def sessions(self):
        return [pid for pid in self.group.processes() if pid != self.xinetd.pid]

    def settle(self, seconds=5.0):
        """Waits for the sessions' processes to be gone, whose end belongs to what they cost."""
        end = time.monotonic() + seconds
        while self.sessions():
            if time.monotonic() > end:
                for pid in self.sessions():
                    os.kill(pid, signal.SIGKILL)
                end += 2
            time.sleep(0.002)

    def place(self, processors):
        os.sched_setaffinity(self.xinetd.pid, processors)

    def stop(self):
        self.xinetd.terminate()
        self.xinetd.wait()
        self.settle(1)
        self.group.remove()


def load_command(server, options):
    return [BUILD / "load", f"port={server.port}", *(f"{key}={value}" for key, value in options.items())]


def load(server, **options):
    """One run. What is serial has one processor for client and server, since waking up another one is what differs most.
    "cpu" is what the sessions took after their logins, "cpu_whole" from fork to exit."""
    every = os.sched_getaffinity(0)
    processors = {max(every)} if int(options.get("parallel", 1)) == 1 else every
    server.place(processors)
    server.settle()
    before = server.group.seconds()
    options["usage"] = server.group.usage
    done = subprocess.run(load_command(server, options), stdout=subprocess.PIPE, text=True, timeout=PATIENCE,
                          preexec_fn=lambda: os.sched_setaffinity(0, processors), check=False)
    server.settle()
    result = json.loads(done.stdout) if done.returncode == 0 else {"fault": f"load ended with {done.returncode}"}
    if result["fault"]:
        raise RuntimeError(result["fault"])
    result["cpu_whole"] = server.group.seconds() - before
    return result
