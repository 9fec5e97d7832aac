from __future__ import annotations
import pytest, json
from .drive import *
from .standin import *
from .wire import *
pytestmark = pytest.mark.e2e
def test_try(claude, standin, governor):
    r=governor("--help"); print(r)
    standin.reply(text("hello there"), usage(input=1000, output=500, cache_read=2000, w5m=300, w1h=400))
    s=claude.print("say hello", model="claude-sonnet-5-5").result["session_id"]; 
    print(claude.cost(s)); print(json.dumps(governor.json("usage","--by","session"),indent=1)); 
    print(json.dumps(governor.json("status"),indent=1)[:3000])
    r=governor("install","--dry-run"); print(r.out,r.err)
    assert 0
