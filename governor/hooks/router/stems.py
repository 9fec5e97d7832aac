"""A look at an event's bytes, before anything is loaded or parsed: is there a word that the router listens for?

Most prompts end here, so this room has one table and needs no other: what every form of a verb or of a word of
judgement in guards.words and guards.suits begins with, shortest only (tests/test_router.py holds them together).
"""

from __future__ import annotations

LOOK = 2**16  # bytes; a larger event is parsed without a look

STEMS = (
    b"add adr alphabetis alphabetiz annotat appl approach architec asses audi brainstor buil bum capitalis"
    b" capitaliz cause chang cleanup compar condition consolidat conver creat critiqu deadloc debu delet delin"
    b" deprecat desig diagnos documen evaluat exploi extrac fil fix flak forma generat heisenbu implemen inden"
    b" inlin intermitten introduc investigat leak made mak migrat modernis moderniz modularis modulariz mov"
    b" normalis normaliz pla por prettif proofrea propagat propos refacto renam repea revie rewor rfc root-caus"
    b" scaffol securit spel spli standardis standardiz swa thin threat trade translat unif updat upgrad"
    b" vulnerabilit weig wir wra writ wrote"
).split()


def may_matter(raw: bytes) -> bool:
    """Could the prompt in these bytes hold a word the router listens for? Cheap, and never wrongly no."""
    if len(raw) > LOOK:
        return True
    prompt = raw[max(raw.find(b'"prompt"'), 0) :].lower()  # what stands before it is the host's, and often has one
    return any(stem in prompt for stem in STEMS)
