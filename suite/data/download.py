"""One download with limits: as many bytes as are expected, in a bounded time, with few retries."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from nasrepro.suite.data.spec import SourceFile

#: Seconds to connect, and between two pieces.
_TIMEOUT = (10, 60)
#: Seconds for a whole file: a slow line (50 kB/s), and this much in any case.
_SECONDS, _SECONDS_PER_BYTE = 120.0, 1 / 50_000
#: Seconds to wait before each retry.
PAUSES: tuple[float, ...] = (1.0, 4.0)
_PIECE = 2**16


def downloader(file: SourceFile) -> Callable[[str, str, object], None]:
    """What `pooch` calls to write the body of an address to a file.

    It raises `requests.RequestException` for what the network did (no answer, refused, too slow,
    cut short), ValueError for a body that is longer than the file.
    """
    import requests

    def retry(error: requests.RequestException) -> bool:
        if isinstance(error, requests.HTTPError) and error.response is not None:
            return error.response.status_code in (429, *range(500, 600))
        return isinstance(error, requests.exceptions.ChunkedEncodingError)

    def download(url: str, target: str, _: object) -> None:
        deadline = time.monotonic() + _SECONDS + _SECONDS_PER_BYTE * file.bytes
        for pause in PAUSES:
            try:
                _once(url, target, file.bytes, deadline)
                return
            except requests.RequestException as error:
                if not retry(error):
                    raise
            time.sleep(pause)
        _once(url, target, file.bytes, deadline)

    return download


def _once(url: str, target: str, size: int, deadline: float) -> None:
    import requests
    from urllib3.exceptions import HTTPError

    with (
        requests.get(url, stream=True, timeout=_TIMEOUT) as response,
        Path(target).open("wb") as output,
    ):
        response.raise_for_status()
        done = 0
        try:
            # `read1` returns what has come; `iter_content` would wait for a whole piece
            while piece := response.raw.read1(_PIECE, decode_content=True):
                done += len(piece)
                if done > size:
                    raise ValueError(f"{url} sends more than the expected {size:,} bytes")
                if time.monotonic() > deadline:
                    raise requests.Timeout(f"{url} sent {done:,} of {size:,} bytes in time")
                output.write(piece)
        except HTTPError as error:
            raise requests.exceptions.ChunkedEncodingError(error) from error
        announced = int(response.headers.get("Content-Length", done))
        if done < announced and "Content-Encoding" not in response.headers:
            raise requests.exceptions.ChunkedEncodingError(
                f"{url} sent {done:,} of {announced:,} bytes (cut short)"
            )
