"""What descriptions of CT series say, in the languages of scanners: phase, region, and the rest.

English, German, French, Spanish, Italian, Portuguese and Chinese. Words are looked for without
regard to case, accents and what stands between them; short ones as words of their own.
"""

from __future__ import annotations

import re
import unicodedata
from enum import Enum


class Phase(Enum):
    """Phases after contrast agent, in words."""

    PORTAL_VENOUS = "portal venous phase"
    ARTERIAL = "arterial phase"
    LATE = "late phase"
    NATIVE = "without contrast agent"


def _words(*patterns: str) -> re.Pattern[str]:
    """Latin patterns that begin where a word does; others wherever they are."""
    latin = [each for each in patterns if each.isascii()]
    others = [each for each in patterns if not each.isascii()]
    return re.compile("|".join([rf"(?<![a-z])(?:{'|'.join(latin)})", *others]))


_END = r"(?![a-z])"
_PHASES = {
    Phase.PORTAL_VENOUS: _words(
        *("portal", "porto", "portov", rf"pvp?{_END}", rf"p\W?v{_END}", rf"ve?in{_END}", "venous"),
        *("venoe?s", rf"ven{_END}", "venos[oa]", "veineu", "venphase"),
        *(rf"(?:6[05]|7[05]|80) ?s(?:ec|ek)?{_END}", "门静脉", "门脉", "静脉", "門脈", "靜脈"),
    ),
    Phase.ARTERIAL: _words(
        *(rf"art{_END}", "arteri", rf"hap{_END}", rf"cta{_END}", "angio"),
        *(rf"(?:2[05]|3[05]) ?s(?:ec|ek)?{_END}", "动脉", "動脈"),
    ),
    Phase.LATE: _words(
        *("delay", rf"late{_END}", "latephase", "spae?t", "tardi", "retard", "equilibri"),
        *("excret", "urogra", r"\d+ ?min", "延迟", "平衡", "延遲"),
    ),
    Phase.NATIVE: _words(
        *(rf"nativ[eo]?{_END}", r"non?\W?con", "unenhanced", rf"w\W?o{_END}", "without", "ohne"),
        *("sans", rf"sin{_END}", "senza", rf"sem{_END}", "basal", rf"plain{_END}", rf"nc{_END}"),
        *("precontrast", r"pre\W?con", "平扫", "平掃"),
    ),
}
_ABDOMEN = _words(
    *("abd", "abdom", "bauch", "oberbauch", "liver", "hepat", "leber", "foie", "fegato", "higado"),
    *("figado", "addom", "epat", "pancrea", "pankrea", rf"[tc]ap{_END}", "upper ?abd", "腹", "肝"),
)
_ELSEWHERE = _words(
    *("head", "brain", "skull", "kopf", "schae?del", "cerebr", "cran", "neck", "hals", "thora"),
    *(
        "chest",
        "lung",
        "torax",
        "tora[cz]",
        "poumon",
        "polmon",
        "pulmon",
        "cardia",
        "heart",
        "herz",
    ),
    *("coron[ao]r", "spine", "wirbel", "lumbar", "knee", "knie", "shoulder", "ankle", "femur"),
    *("sinus", "dental", "头", "颅", "脑", "胸", "肺", "心", "颈"),
)
_SHARP = _words(
    *("lung", "bone", "sharp", "edge", "knochen", "poumon", "hueso", "polmon", "pulmon", "ossea"),
    *(rf"oss[oe]{_END}", rf"os{_END}", "肺窗", "骨"),
)
_DERIVED = _words(
    *(rf"mip{_END}", rf"minip{_END}", rf"vrt?{_END}", "subtract", "perfusion"),
    *(rf"iodine{_END}", rf"vnc{_END}", rf"vue{_END}", "z ?eff", "dose ?report", "screen ?save"),
)
_SIEMENS_KERNEL = re.compile(r"[a-z]{1,2}(\d\d)[a-z]?(?![a-z\d])")
_CANON_KERNEL = re.compile(r"fc(\d\d)")
_SHARP_KERNEL = re.compile(r"lung|bone|edge|ultra|sharp|ya|yb|yc|yd|[del]$")
_SHARP_FROM = 50  # of Siemens; B30 to B45 are for soft tissue
_SHARP_OF_CANON = (range(30, 40), range(50, 60), range(80, 90))  # bone, lung, high resolution


def plain(text: str) -> str:
    """A text without accents, in lower case, underscores as spaces."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)  # as in PortalVenous
    parts = unicodedata.normalize("NFKD", spaced.replace("_", " ").casefold())
    return "".join(letter for letter in parts if not unicodedata.combining(letter))


def phases_in(text: str) -> set[Phase]:
    """The phases that a text names."""
    text = plain(text)
    return {phase for phase, words in _PHASES.items() if words.search(text)}


def names_abdomen(text: str) -> bool:
    """True where a text names the abdomen, or an organ of it."""
    return _ABDOMEN.search(plain(text)) is not None


def names_elsewhere(text: str) -> bool:
    """True where a text names another region of the body."""
    return _ELSEWHERE.search(plain(text)) is not None


def names_derived(text: str) -> bool:
    """True where a text names what was computed from slices: projections, maps, reports."""
    return _DERIVED.search(plain(text)) is not None


def is_sharp(kernel: str, description: str) -> bool:
    """True where the kernel is for lung or bone, or the description says so.

    Kernels are called by number at Siemens (B30f, Br64), by number and purpose at Canon (FC08),
    by letter at Philips (B, YA) and by word at GE (STANDARD, LUNG).
    """
    name = plain(kernel).strip()
    canon, siemens = _CANON_KERNEL.match(name), _SIEMENS_KERNEL.match(name)
    if canon:
        sharp = any(int(canon[1]) in numbers for numbers in _SHARP_OF_CANON)
    elif siemens:
        sharp = int(siemens[1]) >= _SHARP_FROM
    else:
        sharp = _SHARP_KERNEL.match(name) is not None
    return sharp or _SHARP.search(plain(description)) is not None
