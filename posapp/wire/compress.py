"""zstd with a limit on what comes out, so that a small message cannot become a large memory."""

from __future__ import annotations

import zstandard

from posapp.errors import InputError

LEVEL = 19  # what is sent is small and the line is slow

_WRITE = zstandard.ZstdCompressionParameters.from_level(
    LEVEL,
    format=zstandard.FORMAT_ZSTD1_MAGICLESS,
    write_checksum=False,
    write_content_size=True,
    write_dict_id=False,
)


def squeeze(data: bytes) -> bytes:
    """One zstd frame without its magic number."""
    return zstandard.ZstdCompressor(compression_params=_WRITE).compress(data)


def expand(data: bytes, limit: int) -> bytes:
    """What was squeezed, at most `limit` bytes. Raises InputError COMPRESSION_INVALID."""
    decompressor = zstandard.ZstdDecompressor(
        format=zstandard.FORMAT_ZSTD1_MAGICLESS, max_window_size=1 << 23
    )
    try:
        stream = decompressor.decompressobj()
        # The frame says its size first; a frame that lies is cut off by zstd itself.
        size = zstandard.get_frame_parameters(data, zstandard.FORMAT_ZSTD1_MAGICLESS).content_size
        if size > limit:
            raise InputError("COMPRESSION_INVALID", reason="too large")
        out = stream.decompress(data)
    except zstandard.ZstdError as error:
        raise InputError("COMPRESSION_INVALID", reason="frame") from error
    if len(out) > limit or not stream.eof or stream.unused_data:
        raise InputError("COMPRESSION_INVALID", reason="frame")
    return out
