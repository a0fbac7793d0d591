# ruff: noqa: E501 - a production is one line
"""What the house model says without a tool: fixed short texts, and the requests that call for them.

Each kind of talk has productions (see `grammar`; they are split like the skills') and one reply.
"""

from __future__ import annotations

from dataclasses import dataclass

_CONNECT = "start Ollama, LM Studio, llama.cpp or mlx_lm.server, or set ANTHROPIC_API_KEY, then run `majordomo up` again."

NO_TOOL = f"I have no tool for that here. For more, connect a larger model: {_CONNECT}"
"""The reply to a request whose tool the client did not offer."""


@dataclass(frozen=True)
class Talk:
    """One kind of small talk."""

    name: str
    """Its name in reports."""
    reply: str
    """What the model says, always the same."""
    productions: tuple[str, ...]
    """How people say it; slots may be any of `skills.SLOT_KINDS` or ``{thing}``."""


def _lines(block: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in block.strip().splitlines())


TALKS: tuple[Talk, ...] = (
    Talk(
        "greeting",
        "Hello! I am Majordomo's house model. What can I do for you?",
        _lines("""
            (hi|hello|hey|hiya|howdy|hallo|yo|greetings) [there] [!]
            (hi|hello|hey|greetings), (majordomo|house|model|friend|you|assistant) [!]
            good (morning|afternoon|evening|day) [to you] [!]
            good (morning|afternoon|evening|day), (majordomo|friend|assistant)
            (hi|hello|hey), (how are you|how is it going|how do you do|what's up) [today] [?]
            how are you [doing] [today] [?]
            (anyone|anybody|are you) (there|home|awake) [?]
            (hi|hello|hey), (nice to meet you|pleased to meet you)
            (hi|hello|hey), (it is me|i am back|i'm back|me again)
            what's up [?]
        """),
    ),
    Talk(
        "thanks",
        "You are welcome.",
        _lines("""
            (thanks|thank you|thx|cheers) [a lot|so much|very much] [!]
            (thanks|thank you), (that is all|that's great|great|perfect|that helped|well done)
            (great|perfect|nice|awesome|good job|well done|excellent|wonderful), (thanks|thank you) [!]
            (many thanks|much appreciated|i appreciate it|thanks for your help|thank you for the help)
            (great|perfect|nice|awesome|good job|well done|excellent) [!]
            (ok|okay|alright|cool), (thanks|thank you|great)
            that (was|is) (very|really) (helpful|kind|useful) [of you]
            you (are|were) (great|very helpful|a great help)
        """),
    ),
    Talk(
        "goodbye",
        "Goodbye.",
        _lines("""
            (bye|goodbye|bye bye|see you|see ya|farewell|ciao) [!]
            (bye|goodbye|see you) (later|tomorrow|soon|for now|then)
            (good night|have a nice day|have a good one|talk to you later|until next time) [!]
            (that is all|that's all|that will be all|we are done|i am done|i'm done) [for today|for now] [,] (bye|goodbye|good night)
            (ok|okay|alright), (bye|goodbye|see you)
            (i have to go|i must go|i'm leaving|i am off) [now] [,] [bye|goodbye]
        """),
    ),
    Talk(
        "identity",
        "I am the house model, a very small model that ships with Majordomo and runs at home. "
        "I serve until you connect a larger model.",
        _lines("""
            (who|what) are you [?]
            (who|what) (am i talking to|is this|am i speaking with|is answering) [?]
            (what is|what's) your name [?]
            (which|what) (model|ai|assistant|llm|language model) (are you|is this|am i using|is running|do you use) [?]
            (tell me|say) (who you are|what you are|your name|about yourself|something about yourself)
            (please|can you|could you) (introduce yourself|say who you are|tell me who you are) [?]
            are you (chatgpt|claude|gpt|a robot|an ai|a human|a person|a bot|qwen|real|majordomo|a large model) [?]
            do you have a name [?]
            how (big|large|small|smart) are you [?]
            how many parameters do you have [?]
            who (made|built|created|trained|wrote) you [?]
            where do you (run|live|come from) [?]
            introduce yourself
            your name [?]
            what (kind|sort) of (model|ai|assistant) are you [?]
            and you are [?]
        """),
    ),
    Talk(
        "abilities",
        "With the right tools I read, write, list and find files, show git status and history, commit, keep notes, "
        "use the calendar, convert units, calculate and set timers.",
        _lines("""
            what can you do [for me] [?]
            what (are you able|are you good|do you know how) to do [?]
            what (are you good at|are your skills|are your abilities|are your capabilities|do you do) [?]
            (how|what) can you help [me] [with] [?]
            (list|show|tell|name) [me] (your|all your) (skills|abilities|capabilities|features)
            (tell me|explain|show me) what you (can do|are able to do|are capable of|know)
            (what|which) (tasks|things|jobs|skills|tools) (can you do|do you know|can you handle|do you have|can i ask for) [?]
            help [!]
            help me [!]
            (i need|i want) [some] help
            what should i ask you [?]
            what (can|could) i (ask|use) you (for|about) [?]
            how do (you|i use you) (work|help) [?]
        """),
    ),
    Talk(
        "connect",
        f"To connect a larger model, {_CONNECT}",
        _lines("""
            how (do|can|could|would|should) i (connect|use|add|get|run|install|set up|plug in) (a|another) (bigger|larger|better|smarter|real|stronger|different|proper) (model|llm|ai) [?]
            how (do|can|could|would|should) i (connect|use|add|get|run|install|set up) (ollama|claude|lm studio|llama.cpp|mlx|anthropic|a local model) [?]
            (connect|use|add|switch to|give me|get|load) (a|another|the) (bigger|larger|better|smarter|different|stronger) (model|llm)
            (can|could) (i|you|we) (connect|use|get|switch to|have) (a|another) (bigger|larger|better|smarter|stronger) (model|llm) [?]
            (i want|i need|i would like|i'd like) [to use|to connect] a (bigger|larger|better|smarter|stronger) (model|llm)
            (i want|i need|i would like|i'd like) to (use|connect) (ollama|claude|lm studio|llama.cpp|a local model|a cloud model)
            where do i (put|set|enter) (my|the) (api key|anthropic key|key) [?]
            how do i (make you|get you) (smarter|better|bigger) [?]
            (what|which) models (can i|could i|does majordomo) (connect|use|support) [?]
            what do i need (for|to connect|to get) a (bigger|larger|better) model [?]
            you are too (small|dumb|stupid|weak|limited)
            how to (connect|use|add) (ollama|claude|lm studio|a bigger model|a larger model|another model) [?]
        """),
    ),
    Talk(
        "beyond",
        f"That is beyond me, I am a very small model. For more, connect a larger model: {_CONNECT}",
        _lines("""
            !(write|compose|make up|create|draft) [me] (a|an) (poem|song|story|essay|joke|haiku|novel|article|speech|blog post|letter) (about|on|for) {thing}
            !(explain|describe|teach me|tell me about|define) {thing} [to me|in simple words|like i am five|briefly]
            !tell me (a|another) (joke|story|fairy tale|riddle|fun fact) [about {thing}]
            !(write|implement|code) (a|some) (function|program|script|code|class|app|website) (that|to|for|which) (sorts|handles|does|prints|parses|makes|checks) {thing}
            !(translate|put) {thing} (to|into) (french|german|spanish|italian|chinese|latin|japanese)
            !(summarise|summarize|analyse|review|discuss|criticise) {thing} [for me]
            !(recommend|suggest) [me] (a|some) (book|movie|song|recipe|restaurant|name) (about|for|with) {thing}
            !(fix|debug|refactor) (my|the|this) (code|bug|program|script) (in|about|with) {thing}
            (who|what) (is|was|are|were) (the|a|an) (president|capital|king|inventor|author|meaning|population|history|purpose|mayor) of {thing} [?]
            who (is|was|invented|discovered|wrote|founded) {thing} [?]
            (what|how) do you think about {thing} [?]
            why (is|are|does|do) {thing} (exist|blue|so big|important|happen|matter|work|so expensive) [?]
            how (does|do|did) {thing} (work|function|begin|grow|end) [?]
            what is the (difference|relation|connection) between {thing} and {thing} [?]
            what happened in {thing} [?]
            when (was|did|is|will) {thing} (born|begin|start|end|happen|built) [?]
            what (is|are) the (best|worst|biggest|fastest) {thing} [?]
            (can|could|would) you (help me|assist me) (understand|learn|study) {thing} [?]
            (is|are) {thing} (good|bad|better|healthy|safe|true|dangerous) [?]
            (i feel|i am) (sad|lonely|bored|happy|tired|angry) [about {thing}]
            give me (ideas|advice|tips|an opinion) (for|on|about) {thing}
            should i (buy|learn|trust|eat|visit) {thing} [?]
            what is the meaning of (life|{thing}) [?]
        """),
    ),
)
"""Every kind of talk, in the order of the reports."""

ORPHANS = _lines("""
    !(send|write) (an email|a mail|a message) to {thing} (about|saying) {thing}
    !(turn|switch) (on|off) the (light|lights|lamp|heating|tv|fan) in the {thing}
    !(play|put on) (some music|a song|{thing}) [by {thing}]
    !(search|look up) {thing} (on the web|online|on the internet)
    !(restart|stop|start|kill) the {thing} (container|server|service|process)
    !(run|execute) (the command|the script) {thing}
    !(delete|remove) the file {thing}
    !(order|buy) [me] (a|some) {thing} [online]
    !(call|phone|ring) {thing}
    !(push|merge|rebase) the branch {thing}
    !(lock|unlock|open|close) the (door|garage|window|gate)
    !(set|turn) the (heating|thermostat|temperature) to {thing}
    (what is|what's|how is) the weather (in {thing}|today|tomorrow|like) [?]
    what time is it [in {thing}] [?]
    (what is|what's) the (price|stock price) of {thing} [?]
    (take|make) a (photo|picture|screenshot) [of {thing}]
""")
"""Requests that need a tool of no base skill; answered with `NO_TOOL`."""
