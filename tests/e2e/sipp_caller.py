"""SIPp as a caller who presses keys: a scenario made of the INFO scenario's own parts, and a sink for its audio."""

from __future__ import annotations

import asyncio
import re
import shutil
from pathlib import Path

import numpy as np
from sip_caller import DECODE, Pcm, bound_udp

INSTALLED = shutil.which("sipp") is not None
MISSING = "SIPp is not installed (apt-get install sip-tester)"
_ONE_INFO = re.compile(
    r"  <send retrans=\"500\">\s*<!\[CDATA\[\s*INFO .*?<recv response=\"200\"/>\n", re.DOTALL
)
_INFO = Path(__file__).parents[1] / "sipp" / "info.xml"


def scenario(keys: str, listen: float, media_port: int) -> str:
    """INVITE with audio to `media_port`, each key as INFO 100 ms apart, `listen` seconds of pause, BYE."""
    text = _INFO.read_text(encoding="utf-8").replace("[media_port]", str(media_port))
    infos = list(
        re.finditer(
            r"  <send retrans=\"500\">\s*<!\[CDATA\[\s*INFO .*?<recv response=\"200\"/>\n", text, re.DOTALL
        )
    )
    pattern, head, tail = infos[0].group(), text[: infos[0].start()], text[infos[-1].end() :]
    pressed = [
        re.sub(r"CSeq: \d+ INFO", f"CSeq: {number} INFO", pattern).replace("Signal=1", f"Signal={key}")
        + '  <pause milliseconds="100"/>\n'
        for number, key in enumerate(keys, 2)
    ]
    bye = re.sub(r"CSeq: \d+ BYE", f"CSeq: {len(keys) + 2} BYE", tail)
    pause = f'  <pause milliseconds="{int(listen * 1000)}"/>\n'
    return head + '  <pause milliseconds="1000"/>\n' + "".join(pressed) + pause + bye


async def press_and_listen(port: int, keys: str, listen: float, folder: Path) -> Pcm:
    """Let SIPp call the hotline at `port`; what came to its media port, as samples."""
    path = folder / "premium.xml"
    payloads: list[bytes] = []
    with bound_udp() as sink, bound_udp() as signalling, bound_udp() as unused:
        sip_port, unused_port = signalling.getsockname()[1], unused.getsockname()[1]
        signalling.close()
        unused.close()
        path.write_text(scenario(keys, listen, sink.getsockname()[1]), encoding="utf-8")
        loop = asyncio.get_running_loop()
        loop.add_reader(sink, lambda: payloads.append(sink.recv(2048)))
        command = [
            "sipp", "-sf", str(path), f"127.0.0.1:{port}", "-i", "127.0.0.1", "-p", str(sip_port),
            "-mp", str(unused_port), "-m", "1", "-nostdin", "-timeout", f"{listen + 30:.0f}s",
            "-timeout_error",
        ]  # fmt: skip
        process = await asyncio.create_subprocess_exec(
            *command, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        try:
            output, _ = await asyncio.wait_for(process.communicate(), listen + 40)
        finally:
            loop.remove_reader(sink)
            if process.returncode is None:
                process.kill()
                await process.wait()
    assert process.returncode == 0, output.decode()[-2000:]
    sounds = [
        DECODE[data[1] & 0x7F][np.frombuffer(data[12:], np.uint8)]
        for data in payloads
        if data[1] & 0x7F in DECODE
    ]
    return np.concatenate(sounds)
