"""Kamailio as a proxy between callers and the line, in the foreground, on free loopback ports.

Whatever is addressed to itself goes to the line; whatever else, to where its Request-URI says. It stays in the
path of every dialog by Record-Route, in both directions, over UDP and TCP.

    async with KamailioProxy(("127.0.0.1", 5060), tmp_path) as proxy:
        ...  # call sip:4001@127.0.0.1:{proxy.port}, or dial with proxy.uri as outbound proxy
"""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from types import TracebackType

from free_ports import free_port

INSTALLED = shutil.which("kamailio") is not None
MISSING = "Kamailio is not installed (apt-get install kamailio)"

_CONFIG = """\
#!KAMAILIO
debug=1
log_stderror=yes
children=2
tcp_children=1
auto_aliases=no
listen=udp:127.0.0.1:{port}
listen=tcp:127.0.0.1:{port}
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/:/usr/lib/kamailio/modules/:/usr/lib64/kamailio/modules/"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "sanity.so"
modparam("rr", "enable_full_lr", 1)
modparam("rr", "enable_double_rr", 1)
modparam("tm", "fr_timer", 8000)

request_route {{
  if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
  if (!sanity_check()) {{ exit; }}
  if (is_method("CANCEL")) {{ if (t_check_trans()) {{ t_relay(); }} exit; }}
  if (has_totag()) {{
    if (loose_route()) {{
      if (is_method("INVITE")) {{ record_route(); }}
      t_relay();
      exit;
    }}
    if (is_method("ACK")) {{ if (t_check_trans()) {{ t_relay(); }} exit; }}
    sl_send_reply("404", "Not Here");
    exit;
  }}
  t_check_trans();
  loose_route();
  if (is_method("INVITE")) {{ record_route(); }}
  if (uri==myself) {{ $du = "sip:{host}:{line}{transport}"; }}
  if (!t_relay()) {{ sl_reply_error(); }}
  exit;
}}
"""


class KamailioProxy:
    """One proxy in processes of its own. `transport` is what it speaks to the line with: udp or tcp."""

    def __init__(self, line: tuple[str, int], folder: Path, *, transport: str = "udp") -> None:
        self._line = line
        self._folder = folder
        self._transport = transport
        self.output = ""

    @property
    def uri(self) -> str:
        """It as an outbound proxy."""
        return f"sip:127.0.0.1:{self.port};lr"

    async def __aenter__(self) -> KamailioProxy:
        self.port = free_port()
        self._folder.mkdir(exist_ok=True)
        config = self._folder / "kamailio.cfg"
        transport = ";transport=tcp" if self._transport == "tcp" else ""
        host, line = self._line
        config.write_text(_CONFIG.format(port=self.port, host=host, line=line, transport=transport))
        self._process = await asyncio.create_subprocess_exec(
            "kamailio", "-DD", "-E", "-m", "32", "-M", "4", "-f", str(config),
            "-w", str(self._folder), "-Y", str(self._folder),
            cwd=self._folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        try:
            await self._until_open()
        except BaseException:
            await self._end()
            raise
        return self

    async def _until_open(self) -> None:
        """It takes TCP when its processes are up."""
        for _ in range(200):
            if self._process.returncode is not None:
                await self._end()
                raise RuntimeError(f"Kamailio did not start:\n{self.output[-3000:]}")
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                await writer.wait_closed()
                return
        raise RuntimeError("Kamailio opened no port within 10 s")

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._end()

    async def _end(self) -> None:
        if self._process.returncode is None:
            self._process.terminate()
        try:
            output, _ = await asyncio.wait_for(self._process.communicate(), 10)
            self.output = output.decode("utf-8", "replace")
        finally:
            if self._process.returncode is None:
                self._process.kill()
                await self._process.wait()
