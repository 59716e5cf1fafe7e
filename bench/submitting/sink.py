"""aiosmtpd as it comes, which keeps nothing: ``python -m bench.submitting.sink PORT``."""

import asyncio
import sys

from aiosmtpd.smtp import SMTP, Envelope, Session


class _Sink:
    async def handle_DATA(  # noqa: N802  # aiosmtpd's name
        self, _server: SMTP, _session: Session, _envelope: Envelope
    ) -> str:
        return "250 2.0.0 thrown away"


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(_Sink(), hostname="sink.example", data_size_limit=1 << 27),
        "127.0.0.1",
        port,
    )
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
