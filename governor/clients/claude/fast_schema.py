"""The line that Claude Code writes nearly always, decoded straight into its fields: a third of the price of a dict.

Whatever is not exactly so (another type, a step of its own, an impossible count, another vendor's id) is no fault: it
does not fit, and ``transcripts`` reads it with patience.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Raw, Struct
from msgspec.json import Decoder

from governor.transcripts.lines import COUNT_LIMIT

Count = Annotated[int, Meta(ge=0, lt=COUNT_LIMIT)]


class _Split(Struct, gc=False):
    ephemeral_1h_input_tokens: Count = 0
    ephemeral_5m_input_tokens: Count = 0


class _Tools(Struct, gc=False):
    web_search_requests: Annotated[int, Meta(ge=0, lt=10_000)] = 0


class _Details(Struct, gc=False):
    thinking_tokens: Count = 0


class _UsageStep(Struct, gc=False):
    type: str = "message"


class _Usage(Struct, gc=False):
    input_tokens: Count
    output_tokens: Count
    cache_read_input_tokens: Count = 0
    cache_creation_input_tokens: Count = 0
    cache_creation: _Split | None = None
    server_tool_use: _Tools | None = None
    output_tokens_details: _Details | None = None
    iterations: Annotated[list[_UsageStep], Meta(max_length=1)] | None = None
    speed: str | None = None
    inference_geo: str | None = None


class _Message(Struct, gc=False):
    id: str
    model: str
    usage: _Usage
    stop_reason: str | None = None


class TranscriptLine(Struct, gc=False):
    type: str
    message: _Message
    timestamp: str
    isSidechain: bool = False  # noqa: N815 - the client's names
    attributionAgent: str = ""  # noqa: N815
    gitBranch: str = ""  # noqa: N815
    entrypoint: str = ""
    cwd: str = ""
    sessionId: str = ""  # noqa: N815
    requestSessionId: str = ""  # noqa: N815
    forkedFrom: Raw | None = None  # noqa: N815


decode = Decoder(TranscriptLine).decode
