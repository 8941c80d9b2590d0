"""Messages as msgpack: what the codecs of all protocols that use it have in common, which is what can go wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgpack

from harness.errors import PolicyError, PolicyOutputError


def packed(message: Any, encode: Callable[[Any], Any], protocol: str) -> bytes:
    """Encodes a message.

    Args:
        message: Maps, lists, texts, numbers, and what `encode` knows.
        encode: Makes something that msgpack knows of anything else; TypeError or ValueError where it cannot.
        protocol: Its name, for messages.

    Raises:
        PolicyError: Something in it has no encoding.
    """
    try:
        data: bytes = msgpack.packb(message, default=encode)
    except (TypeError, ValueError, OverflowError) as error:
        raise PolicyError(f"a message cannot be encoded for {protocol}'s protocol: {error}") from error
    return data


def unpacked(data: bytes, decode: Callable[[dict[Any, Any]], Any], protocol: str) -> Any:
    """Decodes a message.

    Args:
        data: One msgpack value.
        decode: What becomes of a map; TypeError or ValueError where its parts do not fit together.
        protocol: Its name, for messages.

    Raises:
        PolicyOutputError: The bytes are not one whole msgpack value, or `decode` refuses a map.
    """
    try:
        return msgpack.unpackb(data, object_hook=decode)
    except (TypeError, ValueError, OverflowError, RecursionError, msgpack.UnpackException) as error:
        raise PolicyOutputError(
            f"a message of {len(data)} bytes is not {protocol}'s msgpack: {error or type(error).__name__}"
        ) from error
