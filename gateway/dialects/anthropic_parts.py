"""Message content from OpenAI's parts to the Messages API's blocks.

Nothing is fetched: an image or document goes by its URL, or inline when the client sent it inline.
What Claude cannot take is replaced by a line of text that says so, and noted, so that an agent's
history stays usable.
"""

from __future__ import annotations

from gateway.dialects.values import Json, Notes, json_array, json_object, json_string

_IMAGE_TYPES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
_PDF = "application/pdf"
_NATIVE_FIELDS = ("type", "source", "title", "context", "citations")
"""What is taken of a part that a client wrote in the Messages API's own words."""
_TEXT_KINDS = frozenset({"text", "input_text", "output_text"})


def content_blocks(content: object, notes: Notes, *, media: bool = True) -> list[Json]:
    """The blocks of one message's `content`, a string or a list of parts.

    Blank text is left out, since the Messages API refuses it. With `media` false only text is
    taken: Claude's own turns and system prompts hold nothing else.
    """
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content.strip() else []
    blocks: list[Json] = []
    for item in json_array(content):
        if isinstance(item, str):
            block: Json | None = {"type": "text", "text": item}
        else:
            block = _block(json_object(item), notes, media=media)
        if block is not None and (block["type"] != "text" or block["text"].strip()):
            blocks.append(block)
    return blocks


def plain_text(content: object) -> str:
    """All text of one message's `content`, joined as a reader would see it."""
    if isinstance(content, str):
        return content
    parts = [json_object(part) for part in json_array(content)]
    return "".join(json_string(p.get("text")) for p in parts if p.get("type") in _TEXT_KINDS)


def _block(part: Json, notes: Notes, *, media: bool) -> Json | None:
    kind = part.get("type")
    if kind in _TEXT_KINDS:
        block: Json = {"type": "text", "text": json_string(part.get("text"))}
    elif kind == "refusal":
        block = {"type": "text", "text": json_string(part.get("refusal"))}
    elif kind in ("thinking", "redacted_thinking", "reasoning"):
        notes.add("thinking repeated by the client is left out; the gateway keeps its own")
        return None
    elif not media:
        notes.add(f"content of type {_name(kind)} is left out where Claude takes only text")
        return None
    else:
        block = _media(kind, part, notes)
    cache_control = json_object(part.get("cache_control"))
    if cache_control:
        block["cache_control"] = cache_control
    return block


def _media(kind: object, part: Json, notes: Notes) -> Json:
    if kind in ("image", "document") and json_object(part.get("source")):
        return {key: part[key] for key in _NATIVE_FIELDS if key in part}
    if kind in ("image_url", "input_image"):
        image = part.get("image_url")
        url = image if isinstance(image, str) else json_object(image).get("url")
        return _from_url(json_string(url), notes)
    if kind in ("file", "input_file"):
        return _file(json_object(part.get("file")) or part, notes)
    return _left_out(_name(kind), notes)


def _from_url(url: str, notes: Notes) -> Json:
    """An image, or a document given the same way, by URL or inline."""
    if not url.startswith("data:"):
        return {"type": "image", "source": {"type": "url", "url": url}}
    head, _, data = url[5:].partition(",")
    media_type, _, encoding = head.partition(";")
    media_type = media_type.lower().replace("image/jpg", "image/jpeg")
    if encoding.rpartition(";")[2] != "base64" or media_type not in _IMAGE_TYPES | {_PDF}:
        return _left_out(f"inline data of type {media_type[:64] or 'unknown'}", notes)
    return {
        "type": "document" if media_type == _PDF else "image",
        "source": {"type": "base64", "media_type": media_type, "data": data},
    }


def _file(file: Json, notes: Notes) -> Json:
    data = json_string(file.get("file_data"))
    if not data:
        return _left_out("a file named by id", notes)
    block = _from_url(data if data.startswith("data:") else f"data:{_PDF};base64,{data}", notes)
    if block["type"] == "document" and isinstance(file.get("filename"), str):
        block["title"] = file["filename"]
    return block


def _left_out(what: str, notes: Notes) -> Json:
    notes.add(f"Claude cannot take {what}; a line of text stands in its place")
    return {"type": "text", "text": f"[{what} was left out: this model cannot take it]"}


def _name(kind: object) -> str:
    return kind[:64] if isinstance(kind, str) else "unknown"
