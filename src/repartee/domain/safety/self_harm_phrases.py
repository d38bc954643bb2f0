"""What a text must hold for the lexicon of self-harm to fit: one phrase at least for each of its patterns.

Looked for first, because it is cheap. A phrase that is too long hides a sign; one that is too short costs
time only. Each begins where a word does; `|` at its end stands for the end of a word.
"""

from collections.abc import Iterable, Iterator
from itertools import product
from typing import Final


def _joined(*parts: Iterable[str]) -> Iterator[str]:
    return map(" ".join, product(*parts))


_OTHERS: Final = ("him", "her", "them")
_LIFE: Final = ("life", "own life")

ENGLISH: Final = {
    "EXPLICIT_ACTIVE": (
        *_joined(("kill", "hang", "shoot", "drown", "poison", "harm", "starve"), ("my",)),
        *_joined(("killing", "hanging", "shooting", "drowning", "poisoning", "harming", "starving"), ("my",)),
        *_joined(("cut", "cutting", "slit", "slitting", "slash", "slashing"), ("my",)),
        *_joined(("end", "ending", "take", "taking"), ("my",), _LIFE),
        *("suicid", "overdos", "die|", "dying|", "kill me|", "be fatal|", "end it all", "ending it all"),
        *_joined(("jump", "jumping"), ("off", "from")),
        *("pill", "meds|", "medication|", "tablets|"),
    ),
    "EXPLICIT_PASSIVE": (
        *("rather be dead|", "better off dead|", "should be dead|", "wish i was", "wish i were"),
        *("wish that i was", "wish that i were", "wish i had never", "die|"),
        *("live|", "be alive|", "exist|", "wake up|", "be here|"),
        *("self-harm", "self harm", "selfharm", "burn", "cut", "scratch"),
        *_joined(("hurt", "hurting", "punish"), ("my",)),
    ),
    "VEILED": (
        *_joined(("on the", "on a"), ("bridge|", "ledge|", "roof|", "edge|")),
        *("to not wake up|", "never wake up|", "not wake up|", "wake up again", "wake up any", "go on"),
        *("wake up tomorrow", "sleep forever", "worry about me|", "deal with me|"),
        *_joined(("my",), ("stuff", "things", "belongings"), ("away|",)),
        *_joined(("make it to",), ("my|", "the end of|", "next|")),
        *_joined(("can't", "cant", "cannot"), ("do", "take", "live")),
        *("no point", "no reason", "no sense", "the point of", "the point in"),
        *("without me|", "if i was gone|", "if i were gone|", "if i just", "if i disappeared|"),
        *("if i wasn't here|", "if i weren't here|", "if i died|"),
        *_joined(("won't be", "wont be"), ("here", "around")),
        *_joined(("tired of", "sick of", "exhausted of"), ("living", "being alive", "life", "existing")),
        *("end it all", "ending it all", "end it tonight", "end it now", "end it for good", "make it all"),
        *_joined(("goodbye", "farewell"), ("letter", "note")),
        *("goodbyes|", "is goodbye", "is my goodbye", "giving away", "given away", "gave away"),
        *_joined(("see",), ("a", "any", "my"), ("future", "way out")),
        *("life is not", "life isn't", "life isnt", "a burden|", "just a burden|", "only a burden|"),
        *("want it to", "want the pain", "want everything to"),
        *("no one would", "noone would", "no body would", "nobody would"),
    ),
    "THIRD_PARTY": (
        *_joined(("kill", "killing", "killed", "hang", "hanging", "hanged"), _OTHERS),
        *_joined(("hurt", "hurting", "cut", "cutting", "harm", "harming", "end"), _OTHERS),
        *_joined(("end", "ending", "take", "taking", "took"), ("his", "her", "their"), _LIFE),
        *("suicid", "overdos", "self-harm", "self harm", "selfharm", "unalive", "want to die|"),
        *("wants to die|", "want to live|", "want to be alive|", "want to be here|"),
        *_joined(("wishes",), ("he", "she", "they")),
    ),
    "SLANG": (
        *("kms|", "unaliv", "sewer slid", "sewerslid", "ctb|", "self-delete|", "self delete|", "selfdelete|"),
        *("delete myself|", "deleting myself|", "toaster bath|", "game end", "game-end", "gameend"),
        *_joined(("commit",), ("die|", "not alive|", "toaster", "unalive|", "sudoku|", "alive")),
        *_joined(("off", "offing", "neck", "necking", "rope", "roping", "yeet", "yeeting"), ("my",)),
        *_joined(("kill", "end"), ("meself|", "maself|")),
        *("killmeself|", "killmaself|", "endmeself|", "endmaself|"),
        *("su1cide|", "su!cide|", "suic1de|", "s*icide|", "su*cide|", "suicd|", "unal1ve|"),
        *_joined(("k1ll", "k!ll", "k*ll"), ("myself|",)),
    ),
    "INCITEMENT": (
        *_joined(("kill", "hang", "cut", "hurt"), ("your",)),
        *_joined(("end", "take"), ("your",), _LIFE),
        *("slit your", "you should die|", "you should just die|", "you should be dead|"),
        "you should just be dead|",
    ),
    "INCITEMENT_SLANG": ("kys|",),
}

RUSSIAN: Final = {
    "EXPLICIT_ACTIVE": (
        *("наглота", "пыта", "прыгн", "спрыгн", "шагн", "сбро", "умереть", "порез", "пореж", "режу", "реза"),
        *("уби", "убью", "приконч", "с собой", "с жизнью", "налож", "лишить себя", "уйти из", "суицид"),
        *("самоубий", "повеш", "повес", "застрел", "утоп", "отрав", "вскр", "перереж", "перерез", "таблет"),
        *("поконч", "предсмертн"),
    ),
    "EXPLICIT_PASSIVE": (
        *("умереть", "сдохнуть", "подохнуть", "не хоч", "лучше бы я", "лучше бы меня", "зря я родил"),
        *("себе боль", "себе вред", "селфхарм", "самоповрежд"),
    ),
    "VEILED": (
        *("не станет", "не будет", "в последний раз пишу", "смысл", "жить|", "от жизни", "существовать"),
        *("дальше жить|", "без меня", "исчезнуть", "раствориться", "не просн", "не просып", "заснуть"),
        *("уснуть", "не могу", "сил жить", "прощальн", "попрощал", "прощайте", "раздал", "никто", "обуза"),
        *("в тягость", "всем мешаю", "закончить", "покончить со всем", "не вижу"),
    ),
    "THIRD_PARTY": (
        *("режет", "порезал", "убить себя", "убьет", "поконч", "суицид", "самоубий", "резал", "повеситься"),
        *(
            "вскрыл",
            "наглотал",
            "выпилил",
            "не хочет",
            "хочет умереть",
            "хочет исчезнуть",
            "налож",
            "сделает",
        ),
    ),
    "SLANG": (
        *("роскомнадзор", "суицидн", "выпили", "выпилю", "самовыпил", "самоуб", "вздерн"),
        *_joined(("выйти", "выйду", "выхожу", "шагнуть"), ("в окно",)),
        *("унали", "анэлайв", "суицыд", "с*ицыд", "с*ицид", "су1цид"),
    ),
    "INCITEMENT": ("убей", "покончи с собой", "вскрой", "повесься"),
    "INCITEMENT_SLANG": ("убейся", "выпились", "вскройся", "суициднись"),
}
