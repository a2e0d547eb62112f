"""How the torture messages are written down."""


def sdp(address: str, *, origin: str = "", start: str = "0") -> str:
    """The description that most of the messages carry."""
    return (
        f"v=0\no=mhandley 29739 7272939 IN IP4 {origin or address}\ns=-\nc=IN IP4 {address}\nt={start} 0\n"
        "m=audio 49217 RTP/AVP 0 12\nm=video 3227 RTP/AVP 31\na=rtpmap:31 LPC\n"
    )


def octets(text: str, body: str = "") -> bytes:
    """The message on the wire."""
    return (text.lstrip("\n") + "\n" + body).replace("\n", "\r\n").encode()
