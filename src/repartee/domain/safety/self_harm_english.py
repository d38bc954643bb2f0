"""English words about suicide and self-harm, by how they are said. Read in lower case."""

from typing import Final

_SELF: Final = r"my ?self"
_DO: Final = (
    r"(?:kill|killing|hang|hanging|shoot|shooting|drown|drowning|poison"
    r"|poisoning|harm|harming|starve|starving)"
)
_WHO: Final = (
    r"(?:friend|bestie|brother|sister|mom|mum|mother|dad|father|son"
    r"|daughter|girlfriend|boyfriend|gf|bf|wife|husband|"
    r"partner|roommate|flatmate|cousin|classmate|colleague|coworker"
    r"|student|kid|uncle|aunt|ex|teacher|neighbou?r|nephew|niece)"
)
_SOMEBODY: Final = (
    rf"\b(?:my (?:\w+ )?{_WHO}|someone i (?:know|love)|a (?:friend|classmate"
    rf"|colleague) of mine)\b[^.!?\n]{{0,60}}?"
)
_SHAVING: Final = (
    r"(?! (?:shaving|cooking|some|off|a |an |out|slack|on (?:a|the|my)"
    r"|while|by accident|accidentally|short|when))"
)

EXPLICIT_ACTIVE: Final = (
    rf"\b{_DO} {_SELF}\b(?! (?:laughing|with laughter|over (?:a|the|this)|at the gym))",
    rf"\bcut(?:ting)? {_SELF}\b{_SHAVING}",
    r"\b(?:end|ending|take|taking) my (?:own )?life\b(?! (?:seriously|in|back|for|as))",
    r"\bcommit(?:ting|ted)? suicide\b",
    r"\b(?:i'?m|i am|i feel|feeling|i've been|i have been|im) (?:\w+ ){0,2}suicidal\b",
    (
        r"\b(?:think|thinking|thought|thoughts) (?:\w+ ){0,2}(?:of|about) (?:\w+ )?suicide\b"
        r"|\bsuicidal thoughts\b"
    ),
    r"\bmy suicide\b|\bsuicide note\b|\bi (?:\w+ )?attempted suicide\b",
    r"\b(?:slit|slitting|cut|cutting|slash|slashing) my (?:wrists?|veins|arms?|throat|thighs?)\b",
    (
        r"\b(?:want|wanna|going|gonna|ready|about|plan\w*|will|i'll|might) (?:to )?(?:\w+ )?(?:jump"
        r"|jumping) (?:off|from) (?:the|a|this|that|my) (?:\w+ )?(?:bridge"
        r"|roof|building|balcony|window)\b"
    ),
    (
        r"\b(?:take|taking|took|swallow\w*|down) (?:all|the whole bottle"
        r"|a whole bottle|every one) (?:of )?(?:\w+ ){0,3}(?:pills?|meds"
        r"|medication|tablets)\b"
    ),
    r"\bi (?:\w+ ){0,3}overdos(?:e|ed|ing)\b|\boverdose (?:tonight|on purpose)\b",
    (
        r"\b(?:painless|easiest|quickest|fastest|best|quick|easy) (?:way"
        r"|method)s? (?:to|of) (?:die|dying|kill(?:ing)? my ?self|end(?:ing)? (?:it all"
        r"|my life))\b"
    ),
    (
        r"\bhow (?:many|much) (?:\w+ ){0,4}(?:to|until|before|would) (?:\w+ ){0,3}(?:kill me"
        r"|die|kill my ?self|overdose|be fatal)\b"
    ),
)
EXPLICIT_PASSIVE: Final = (
    r"\bi'?d (?:honestly |really )?rather be dead\b",
    r"\b(?:burn|cut|scratch)\w* my (?:arms?|legs?|skin|hands?)\b[^.!?\n]{0,30}\b(?:on purpose|again)\b",
    (
        r"\b(?:want|wanna|wish|wanting) (?:to )?(?:\w+ ){0,2}die\b(?! (?:of"
        r"|from|in (?:battle|game)|laughing|with (?:you|honou?r)|for (?:a"
        r"|you|my|the)))"
    ),
    r"\bi (?:\w+ )?wish (?:that )?i (?:was|were) (?:\w+ )?dead\b|\bbetter off dead\b|\bi should be dead\b",
    r"\bi wish i (?:was|were|had) never (?:been )?born\b|\bi wish i (?:wasn't|weren't) (?:alive|born)\b",
    (
        r"\b(?:don't|dont|do not|no longer) (?:\w+ )?(?:want|wanna|wish) (?:to )?(?:\w+ )?(?:live"
        r"|be alive|exist|wake up|be here)(?: any ?more)?\b(?! (?:in|with"
        r"|at|near|so early|tomorrow at))"
    ),
    r"\b(?:i|i'm|i've|im|my)\b[^.!?\n]{0,30}\bself[- ]?harm(?:ing|ed)?\b",
    (
        r"\b(?:hurt|hurting|burn|burning) my ?self (?:on purpose|again|to (?:feel"
        r"|cope)|when i)\b|\b(?:want|wanna|urge|need) (?:to )?(?:hurt|burn"
        r"|punish) my ?self\b"
    ),
)
VEILED: Final = (
    r"\b(?:enough|just) to not wake up\b",
    r"\bi(?:'m| am) (?:standing|sitting) on (?:the|a) (?:bridge|ledge|roof|edge)\b",
    r"\b(?:won't|will not|never) have to (?:worry about|deal with) me\b",
    r"\bgiv(?:e|en|ing) (?:all )?my (?:stuff|things|belongings) away\b",
    r"\b(?:won't|not|don't think i'll) make it to (?:my|the end of|next)\b",
    r"\bcan'?t (?:\w+ )?go on(?: (?:like this|living|any ?more|much longer))?(?=\s*(?:$|[.!?,;]))",
    r"\b(?:can'?t|cannot) (?:do|take|live) (?:this|it|like this)? ?any ?more\b(?=\s*(?:$|[.!?,;]))",
    (
        r"\bno (?:point|reason|sense) (?:in |to |for me to )?(?:living|live"
        r"|going on|go on|being alive|be alive|being here|be here|exist\w*"
        r"|keep going)\b"
    ),
    r"\bwhat'?s the point (?:of|in) (?:living|being alive|going on|being here|life|any of it any ?more)\b",
    (
        r"\bbetter (?:off )?(?:if i (?:was|were) gone|without me)\b|\bif i (?:just )?(?:disappeared"
        r"|wasn't here|weren't here|were gone|was gone|died)\b"
    ),
    (
        r"\b(?:never|not|don't|wouldn't) (?:\w+ )?(?:have to )?wake up (?:again"
        r"|any ?more|tomorrow)\b(?! (?:early|late|at|so))|\band (?:never"
        r"|not) wake up\b|\bsleep forever\b"
    ),
    (
        r"\b(?:i )?won'?t be (?:here|around) (?:much longer|any ?more|for long"
        r"|next week|by then|after (?:tonight|this))\b"
    ),
    r"\b(?:so )?(?:tired|sick|exhausted) of (?:living|being alive|life|existing)\b",
    r"\b(?:end|ending) it all\b|\bend it (?:tonight|now|for good)\b|\bmake it all (?:stop|end)\b",
    (
        r"\b(?:goodbye|farewell) (?:letter|note)s?\b|\b(?:said|saying|say) (?:all )?my (?:final "
        r"|last )?goodbyes\b|\bthis is (?:my )?goodbye(?:,)? (?:forever"
        r"|for good)\b"
    ),
    (
        r"\bgiv(?:ing|en) away (?:all )?(?:of )?my (?:things|stuff|belongings)\b"
        r"|\bgave away (?:all )?(?:of )?my (?:things|stuff|belongings)\b"
    ),
    (
        r"\b(?:can'?t|don'?t) see (?:a|any|my) (?:future|way out)\b|\blife (?:is not"
        r"|isn'?t|isnt) worth (?:living|it)\b"
    ),
    (
        r"\b(?:i'?m|i am|im) (?:just |only )?a burden\b|\bwant (?:it|the pain"
        r"|everything) to (?:be over|stop|end)\b"
    ),
    r"\bno ?(?:one|body) would (?:even )?(?:miss|notice|care)\b[^.!?\n]{0,20}\b(?:i|me)\b",
)
THIRD_PARTY: Final = (
    (
        rf"{_SOMEBODY}\b(?:kill|killing|killed|hang|hanging|hanged|hurt|hurting"
        rf"|cut|cutting|harm|harming) (?:him|her|them)sel(?:f|ves)\b"
    ),
    (
        rf"{_SOMEBODY}\b(?:suicid\w+|overdos\w+|self[- ]?harm\w*|(?:end|ending|take"
        rf"|taking|took) (?:his|her|their) (?:own )?life)\b"
    ),
    (
        rf"{_SOMEBODY}\b(?:wants? to die|doesn'?t want to (?:live|be alive"
        rf"|be here)|wishes (?:he|she|they) (?:was|were) dead|unalive\w*)\b"
    ),
    (
        r"\b(?:worried|scared|afraid|think) (?:that )?(?:he|she|they)(?: might"
        r"|'s going to|'ll| will| is going to| may) (?:kill|hurt|harm|end) (?:him"
        r"|her|them)"
    ),
)
SLANG: Final = (
    (
        r"\bkms\b|\bunaliv(?:e|ing)\b|\bsewer ?slid(?:e|ing)\b|\bctb\b|\b(?:self[- ]?delete"
        r"|delet(?:e|ing) myself)\b"
    ),
    (
        r"\bcommit (?:die|not alive|toaster bath|unalive|sudoku|alive'?t)\b"
        r"|\btoaster bath\b|\bgame[- ]?end(?:ing)? myself\b"
    ),
    r"\b(?:off|offing|neck|necking|rope|roping|yeet|yeeting) my ?self\b|\b(?:kill|end) ?(?:meself|maself)\b",
    r"\b(?:su1cide|su!cide|suic1de|s\*icide|su\*cide|suicd|k1ll myself|k!ll myself|k\*ll myself|unal1ve)\b",
)
INCITEMENT: Final = (
    (
        r"\b(?:kill|hang|cut|hurt) your ?self\b(?! (?:laughing|shaving|cooking"
        r"|some|on |off|out|while|again\?|short))"
    ),
    (
        r"\b(?:end|take) your (?:own )?life\b(?! (?:in|back|seriously))"
        r"|\bslit your (?:wrists?|throat)\b|\byou should (?:just )?(?:die"
        r"|be dead)\b"
    ),
)
INCITEMENT_SLANG: Final = (r"\bkys\b",)
