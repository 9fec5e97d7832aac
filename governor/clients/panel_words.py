"""The words of usage panels, as patterns: what heads a row, what says used or left, what says when it resets.

English as Claude Code 2.1.332, Codex 0.171 and claude.ai write it. German, French, Spanish and Japanese are our own
translations: nobody has checked them on the real page. A heading that is not known is not taken for a window.
"""

from __future__ import annotations

FIVE_HOURS = (
    r"(?:current session|session limit|5[- ]?h(?:our)?s?(?: usage)? limit"
    r"|aktuelle sitzung|session (?:actuelle|en cours)|sesi[oó]n actual|現在のセッション)\b"
)
WEEK = (
    r"(?:current week|weekly(?: usage)? limits?|all models"
    r"|aktuelle woche|w[oö]chentliche limits?|wochenlimits?|alle modelle"
    r"|semaine (?:actuelle|en cours)|limites? hebdomadaires?|tous les mod[eè]les"
    r"|semana actual|l[ií]mites? semanal(?:es)?|todos los modelos"
    r"|今週|週間制限|週間の制限|すべてのモデル)(?!\w)"
)
OTHER_WINDOWS = (("day", r"(?:daily|24[- ]?h(?:our)?s?) limit\b"), ("month", r"(?:monthly|30[- ]?d(?:ay)?s?) limit\b"))
_ALL = r"all models|alle modelle|tous les mod[eè]les|todos los modelos|すべてのモデル"
_WEEKS = r"current week|aktuelle woche|semaine (?:actuelle|en cours)|semana actual|今週"
_MODEL = r"(?P<family>[A-Za-z][A-Za-z0-9.-]*(?: [0-9][0-9.]*)?)"
FAMILIES = (
    rf"^(?:{_WEEKS})\s*\((?!{_ALL})(?:nur |solo |solamente )?{_MODEL}(?: only| uniquement| seulement|のみ)?\)",
    rf"^{_MODEL}\s?(?:only|uniquement|seulement|のみ)$",
    rf"^(?:nur|solo|solamente) {_MODEL}$",
)
USED = r"used|verwendet|genutzt|verbraucht|utilis[ée]e?s?|usado|utilizado|consumido|使用済み|使用"
LEFT = r"left|remaining|[üu]brig|verbleibend|restante?s?|restants?|残り"
RESET = (
    r"\bresets?\b(?:\s+(?:at|on)\b)?|\b(?:wird\s+)?zur[üu]ckgesetzt\b|\bsetzt\s+sich\s+zur[üu]ck\b|\bzur[üu]cksetzung\b"
    r"|\b(?:se\s+)?r[ée]initialis(?:e|ation|é)\b|\bse\s+(?:restablece|reinicia)\b|\brestablecimiento\b"
    r"|(?:後|まで)?に?リセット(?:まで)?"
)
# Rows with figures of their own that are no window of the plan's.
NO_WINDOW = (
    r"\b(?:extra usage|usage credits?|credits?|balance|spen[dt]|spending|estimated cost|context(?: window)?|api usage"
    r"|routine runs|guthaben|zus[aä]tzliche nutzung|ausgegeben|utilisation suppl[ée]mentaire|cr[ée]dits?"
    r"|d[ée]pens[ée]s?|uso adicional|cr[ée]ditos?|gastado|saldo)\b|[$€£¥]\s?\d|追加使用|追加利用|クレジット|残高"
)
