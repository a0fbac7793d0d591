"""Every setting there is, each documented where it is defined.

`docs/settings.md` and `gateway/schema/majordomo.schema.json` are generated from here. Values come
from `majordomo.yaml` through `gateway.config`; nothing else reads settings. Secrets are never
values here: a setting names the environment variable that holds one. What one field can say wrong
is refused here; what two sections say of each other is `gateway.config_checks`.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self, cast
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    model_validator,
)

from capture.addresses import is_inside, is_loopback
from capture.exchange import Mode
from capture.outside import INSIDE_TOOLS, OUTSIDE_TOOLS
from capture.sessions import SESSION_HEADERS
from gateway.presets import with_preset
from gateway.setting_types import (
    Channels,
    EnvName,
    HeaderNames,
    HeaderValues,
    Host,
    HostNames,
    KeyList,
    KeyNames,
    ModelName,
    ModeNames,
    ModeOrder,
    Name,
    OneOrMany,
    OnOrOff,
    Patterns,
    Seconds,
    SkillNames,
    SkillPins,
    Thresholds,
    TimeOfDay,
    TimeZone,
    ToolNames,
    Url,
    Usd,
    Windows,
    Words,
)


class Section(BaseModel):
    """Base of all sections: unknown fields are errors, values never change once loaded."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Limits(Section):
    """What one client may ask of the gateway."""

    body_bytes: int = Field(default=32 * 1024 * 1024, ge=1024)
    """Largest request body, in bytes; more is refused with 413 while it is still being read."""
    header_bytes: int = Field(default=32 * 1024, ge=1024)
    """Largest request head (all headers together), in bytes; more is refused with 431."""
    header_seconds: Seconds = 10.0
    """A client must have sent its whole request head within this many seconds."""
    body_seconds: Seconds = 60.0
    """A client may pause at most this many seconds while sending a body."""
    concurrent: int = Field(default=2000, ge=1)
    """Requests in flight at once; more get 429 with Retry-After."""


class Deadlines(Section):
    """How long an upstream may take, in seconds."""

    connect: Seconds = 5.0
    """To open a connection."""
    first_token: Seconds = 600.0
    """From the request sent to the first byte of the reply. Local models may load for minutes."""
    idle: Seconds = 300.0
    """Between two pieces of a reply."""
    total: Seconds = 3600.0
    """For one attempt, whole."""


class Retries(Section):
    """Tries before the first byte of a reply; after it nothing is ever tried again."""

    attempts: int = Field(default=3, ge=1, le=10)
    """Attempts for one request, fallbacks to other modes included."""
    max_wait_seconds: Seconds = 20.0
    """Longest wait for one upstream's Retry-After; a longer one goes to the next place at once."""
    budget_ratio: float = Field(default=0.2, ge=0, le=1)
    """Retries as a share of recent requests; past it a failing upstream is not retried."""


class Circuit(Section):
    """When an upstream that keeps failing is rested."""

    failures: int = Field(default=5, ge=1)
    """Failures in a row that open the circuit."""
    rest_seconds: Seconds = 15.0
    """How long it rests before one request probes it; doubles up to ten times this."""


class Server(Section):
    """Where and for whom the gateway serves."""

    host: Host = "127.0.0.1"
    """Address to listen on. Any but a loopback address needs a key (`majordomo key create`)."""
    port: int = Field(default=8300, ge=0, le=65535)
    """TCP port; 0 takes any free one."""
    allowed_hosts: HostNames = ()
    """Further `Host` names the pages and the API answer to, beside loopback and `host` itself."""
    limits: Limits = Limits()
    heartbeat_seconds: Annotated[float, Field(gt=0, le=15)] = 10.0
    """A stream whose upstream is silent this long gets a comment and an empty-delta chunk."""
    drain_seconds: int = Field(default=30, ge=0, le=3600)
    """How long requests in flight may go on after the gateway was told to stop, in seconds."""


class UpstreamModel(Section):
    """What is known of one model of an upstream."""

    context_length: int | None = Field(default=None, ge=1)
    """Most tokens of prompt and reply together; none: unknown."""
    max_output_tokens: int | None = Field(default=None, ge=1)
    """Most tokens of one reply. For `anthropic` a higher wish of a client is lowered to it; none:
    what is known of the model."""
    images: bool | None = None
    """Whether it takes images; none: unknown."""


class UpstreamSettings(Section):
    """One place requests can be sent."""

    kind: Literal["openai_compatible", "mlx_lm", "anthropic", "house"]
    """`openai_compatible`: Ollama, LM Studio, llama.cpp, vLLM, hosted ones. `mlx_lm`: an
    mlx_lm.server, which needs a field allow-list. `anthropic`: Claude by the Messages API.
    `house`: the model that ships with Majordomo, in a child process it runs itself."""
    base_url: Url | None = None
    """Root of its API, `/v1` included where it has one. Not for `house`; for `anthropic` the public
    endpoint when none. A changed address needs its key named anew."""
    api_key_env: EnvName | None = None
    """Environment variable that holds its key; none: no key is sent."""
    local: bool | None = None
    """Inside the house, so private requests may go there. None: true for loopback and private
    addresses and for `house`, false for everything else."""
    free: bool | None = None
    """Its requests cost nothing. None: as `local`."""
    default_max_tokens: int = Field(default=8192, ge=1)
    """For `anthropic`, whose API demands a limit: used when the client sets none."""
    prompt_cache: bool = False
    """For `anthropic`: ask for the prompt to be cached when the client sets no `cache_control` of
    its own. Writing to the cache costs a quarter more than plain input, reading from it a tenth."""
    models: dict[ModelName, UpstreamModel] = Field(default_factory=dict[str, UpstreamModel])
    """Its models, by the name it knows them by."""
    deadlines: Deadlines = Deadlines()
    circuit: Circuit = Circuit()

    @property
    def is_local(self) -> bool:
        """Inside the house: as `local` says, else by its address."""
        if self.local is not None:
            return self.local
        return self.kind == "house" or (self.host is not None and is_inside(self.host))

    @property
    def is_free(self) -> bool:
        """Its requests cost nothing: as `free` says, else whether it is local."""
        return self.is_local if self.free is None else self.free

    @property
    def host(self) -> str | None:
        """The host of `base_url`; None where there is none."""
        return urlsplit(self.base_url).hostname if self.base_url is not None else None


class Target(Section):
    """One model at one upstream."""

    upstream: Name
    """Name of an entry under `upstreams`."""
    model: ModelName
    """The model, as that upstream calls it."""


class Modes(Section):
    """Which model serves each mode."""

    resting: Target | None = None
    """The small local model."""
    active: Target | None = None
    """The large local model."""
    burst: Target | None = None
    """The cloud."""


class When(Section):
    """Conditions of a rule; all that are set must hold. None set: the rule always applies."""

    model: Words | None = None
    """The model name asked for is this, or one of these. A rule decides for `auto`, and for another
    name only when it is listed here."""
    tools: ToolNames | None = None
    """true: tools are offered; false: none are; names: at least one of these is offered."""
    min_input_tokens: int | None = Field(default=None, ge=0)
    """The prompt is estimated at this many tokens or more."""
    max_input_tokens: int | None = Field(default=None, ge=0)
    """The prompt is estimated at this many tokens or fewer."""
    header: HeaderValues | None = None
    """Each named header has this value (`*` stands for any run of characters), or is there (true),
    or is not (false). Names in any case; never a credential."""
    key: KeyNames | None = None
    """The API key used has this name, or one of these."""
    skill: Words | None = None
    """The skill is this, or one of these, by its key or by its name under `skills`; `*` stands for
    any run of characters. The key is what the client names (header `x-majordomo-skill`), else the
    skill that the conversation shows in use, else what the tools offered say: `tool:NAME`, or
    `chat` without any."""
    conversation_mode: ModeNames | None = None
    """The conversation was last answered in this mode, or one of these."""
    images: bool | None = None
    """Whether some message holds an image."""
    between: Windows | None = None
    """The time of day is in this window, or one of these, as `22:00-07:00`; local time, or that of
    `escalation.timezone`."""
    agent: Words | None = None
    """The agent that asks is this, or one of these; `*` stands for any run of characters. It is
    what the header `x-majordomo-agent` names, else what others say (docs/escalation.md)."""


class Rule(Section):
    """One rule of the escalation policy. The first that applies and has a `then` decides."""

    name: Name
    """Shown wherever a decision is explained; each rule has its own."""
    when: When = When()
    then: Mode | None = None
    """The mode to use; none: the rule decides nothing (it may still mark `private`)."""
    private: bool = False
    """Requests it applies to never leave home, on any path."""


class BurstBudget(Section):
    """Most money that BURST, and any other place that is not free, may cost, in US dollars. The
    worst case is reserved before sending, so a limit holds however many requests run at once."""

    day_usd: Usd | None = None
    """Per day, UTC; none: no limit."""
    month_usd: Usd | None = None
    """Per calendar month, UTC; none: no limit."""


class HistorySettings(Section):
    """What the default `learned` asks of a local mode."""

    home_at: float = Field(default=0.7, ge=0, le=1)
    """A skill stays home when the posterior mean of a local model's success at it, with the adapter
    it has now, is at least this. What was never tried stands at 0.5; three successes at 0.8."""
    skills: Thresholds = Field(default_factory=dict[str, float])
    """The same for single skills, by name, key or pattern (`code*`); the first that fits counts."""
    rule: Literal["posterior", "three_successes", "last_three"] = "posterior"
    """What proves a skill. `posterior`: `home_at`. `three_successes`: three of them once, then home
    for good. `last_three`: home while the last three outcomes were successes. The two have a price
    (docs/escalation.md)."""


class LatchSettings(Section):
    """A task that BURST took on stays there until it is done: its last reply called no tool, and
    the user begins something else."""

    on: bool = True
    """`false`, as `latch: false`: none stays."""
    turns: int | None = Field(default=None, ge=1)
    """It is done after so many turns of the user, too; none: no limit."""
    minutes: float | None = Field(default=None, gt=0, le=1440)
    """It is done so many minutes after BURST took it on, too; none: no limit."""


class QuietHours(Section):
    """Hours in which some modes alone may answer, whatever chose another."""

    model_config = ConfigDict(serialize_by_alias=True)

    from_: TimeOfDay = Field(alias="from")
    """When they begin, as `22:00`; local time, or that of `escalation.timezone`."""
    to: TimeOfDay
    """When they end; before `from` where they go past midnight."""
    modes: ModeNames = (Mode.RESTING,)
    """Those that may answer."""


class Escalation(Section):
    """The escalation policy: when a request may leave home."""

    preset: Literal["frugal", "balanced", "careful", "local-only"] | None = None
    """A whole policy to begin with (docs/escalation.md has each); what is set beside it counts in
    its place."""
    default: Literal[Mode.RESTING, Mode.ACTIVE, Mode.BURST, "learned"] = Mode.RESTING
    """The mode when no rule decides and the client named none. `learned`: the cheapest local mode
    that is proven on the request's skill, else burst."""
    history: HistorySettings = HistorySettings()
    verify: Literal["tool_calls", "agreement", "off"] = "tool_calls"
    """`tool_calls`: a local reply to a request that offers tools is held until it is whole; one
    whose calls do not fit the tools is dropped, and the next place in order answers. Nothing is
    held when no place is left to try. `agreement`: and RESTING's reply is handed over only when
    ACTIVE, asked next, makes the same calls; the client then gets ACTIVE's. `off`: replies stream
    as they come, whatever they call."""
    hold: Literal["replies", "calls"] = "replies"
    """What is held of a stream that is to be checked. `replies`: all of it, until it is whole.
    `calls`: only a reply that begins with a call; one that begins with words is handed over as it
    comes, with whatever calls follow, unchecked."""
    max_quality_loss: float | None = Field(default=None, gt=0, le=20)
    """Points of a hundred that `learned` may lose against always asking burst. Replies of local
    models are then looked at and weighed before they are handed over, audits hold the loss, and
    `history` counts only where nothing can be weighed. None: `history` alone decides."""
    rules: tuple[Rule, ...] = ()
    """Tried in order. One marked `private` is tried even when an earlier one decided."""
    fallback: ModeOrder = (Mode.ACTIVE, Mode.RESTING, Mode.BURST)
    """Where to go, in order, when the chosen mode fails before its first byte or is not there."""
    budget: BurstBudget = BurstBudget()
    latch: Annotated[LatchSettings, *OnOrOff] = LatchSettings(on=False)
    """Whether a task that BURST took on stays there: `true`, or its limits; unless this is set each
    request is decided by itself."""
    approval: Literal["ask", "off"] = "off"
    """`ask`: before a request that asks for `auto` goes to a place that is not free, the user is
    asked, by a reply to which he says yes or no; nothing is asked in a tool loop or on the side,
    and nothing is spent there unless the task was allowed to."""
    quiet: Annotated[tuple[QuietHours, ...], *OneOrMany] = ()
    """Quiet hours, one or several."""
    timezone: TimeZone | None = None
    """Where it is what time, as `Europe/Berlin`; none: this machine's own time zone."""

    @model_validator(mode="wrap")
    @classmethod
    def _begin_with_preset(cls, given: object, made: ModelWrapValidatorHandler[Self]) -> Self:
        whole = with_preset(given)
        settings = made(whole)
        if whole is not given:  # what the preset says is no wish of the user's to be warned of
            settings.model_fields_set.intersection_update(cast("dict[str, object]", given))
        return settings


class SkillsSettings(Section):
    """What the user calls skills, and where some of them always go (`majordomo skills` lists them).
    Patterns have `*` for any run of characters; of several that fit the first counts."""

    names: SkillNames = Field(default_factory=dict[str, str])
    """Keys of skills, or patterns of keys, each to a name. Several of one name are one skill: their
    outcomes are counted together. It holds for all that was ever recorded, and until it is taken
    back: what is kept is the key."""
    pin: SkillPins = Field(default_factory=dict[str, Mode])
    """Skills, by name, key or pattern, each to the mode that answers it when no rule decides and
    the client asks for `auto`."""


class TrustSettings(Section):
    """Whose text may train without a person's word (docs/trust.md). What may not waits for
    `majordomo review`, and no export or training has it until then."""

    outside_tools: Patterns = OUTSIDE_TOOLS
    """Tools whose results strangers write: the web, mail, messages. Patterns of names, in any case;
    `"*"` means every tool. What comes after such a result in a conversation waits."""
    inside_tools: Patterns = INSIDE_TOOLS
    """Tools that are none of those, whatever their names, and may be given any address."""
    untrusted_keys: KeyList = ()
    """API keys whose traffic waits for a person, and whose feedback decides nothing."""
    untrusted_channels: Channels = Field(default_factory=dict[str, tuple[str, ...]])
    """Headers by which clients say where a message came from, with patterns of values whose traffic
    waits for a person."""
    cloud_text: Literal["train", "keep_out"] = "train"
    """Whether what a cloud model wrote may train a local one. `keep_out`: neither training nor an
    export has it. Providers' terms may forbid it for some uses; who runs this decides."""


class Embedding(Target):
    """The model at home that makes the vectors searched by meaning."""

    alike: float = Field(default=0.5, ge=0, le=1)
    """The cosine from which on two requests count as alike. Models differ: take one between what it
    gives to two that mean the same and to two that do not."""


class RecallSettings(Section):
    """How exchanges are found again. Models named here get the redacted words of every exchange, of
    private ones too, so their upstreams must be inside the house (`local`)."""

    embedding: Embedding | None = None
    """Asked for vectors at `/embeddings`, by an `openai_compatible` upstream. None: the built-in
    embedder, which knows words by their letters. After a change all vectors are made anew, in the
    background."""
    distill: Target | None = None
    """Asked what an exchange comes down to, when nothing else is going on; needs an
    `openai_compatible` or `mlx_lm` upstream. None, or where its answer is not what was asked for:
    it is extracted."""


class CaptureSettings(Section):
    """How exchanges are kept."""

    durability: Literal["relaxed", "strict"] = "relaxed"
    """`relaxed`: handed to the system before the client's last byte (survives kill -9), synced
    within `sync_ms` (power loss may take that much). `strict`: synced before the last byte."""
    sync_ms: int = Field(default=50, ge=1, le=10_000)
    """Milliseconds between syncs to disk."""
    segment_bytes: int = Field(default=64 * 1024 * 1024, ge=65_536)
    """A journal file is closed and the next begun past this many bytes."""
    keep_segments: int = Field(default=4, ge=0)
    """Fully ingested journal files kept before the oldest is removed."""
    redact: Literal["off", "secrets", "all"] = "secrets"
    """What is taken out of whatever is made of exchanges: training data, exports and the pages.
    `secrets`: keys, tokens, passwords; `all`: also mail and IP addresses, phone, card and account
    numbers, and users' names in paths; `off`: nothing. Journal and store keep what was said
    (docs/privacy.md)."""
    keep_days: int | None = Field(default=None, ge=1)
    """Days after which an exchange loses its raw bytes (request, replies) unless a training dataset
    has it; its messages and figures stay. It cannot train any more then. None: they are kept."""
    on_failure: Literal["refuse", "serve"] = "refuse"
    """When the journal cannot be written: refuse new requests with 503, or serve unrecorded. Either
    way header, metric and page say so."""
    session_headers: HeaderNames = SESSION_HEADERS
    """Headers by which clients name a conversation, the most explicit first. Without one of them a
    conversation is known by its transcript (docs/conversations.md)."""
    trust: TrustSettings = TrustSettings()
    recall: RecallSettings = RecallSettings()


class JudgesSettings(Section):
    """Models that judge what was answered before it trains (docs/judging.md). Off until one is
    named. They are shown what is redacted of exchanges that would train; what is private is shown
    only to judges at home. `majordomo judge run` asks them."""

    hired: tuple[Target, ...] = ()
    """A list of judges that are asked from the beginning: Claude, or what else is good enough.
    Their upstreams are of kind `openai_compatible`, `mlx_lm` or `anthropic`."""
    local: tuple[Target, ...] = ()
    """A list of judges at home, which judge beside the hired ones once the house is good enough,
    and take over when they agree with them; alone where no other is named."""
    tasks: tuple[Literal["ratings", "comparisons", "process", "hints"], ...] = (
        "ratings",
        "comparisons",
    )
    """What they are asked. `ratings`: five dimensions of a turn. `comparisons`: which of two
    replies to one request is better. `process`: whether a step helped, by what came next. `hints`:
    what a reply that failed should have heeded, by what came next."""
    day_usd: Usd | None = 1.0
    """Most that judging may cost per day, UTC; none: no limit. The worst case is set aside before
    each question. A judge of unknown price is asked only where there is no limit."""
    concurrent: int = Field(default=4, ge=1, le=64)
    """Questions in flight at once."""
    seconds: Seconds = 180.0
    """That one answer may take."""
    max_tokens: int = Field(default=4000, ge=64)
    """Of one answer, room to think included."""
    characters: int = Field(default=24_000, ge=1000)
    """Of what is judged that are shown; what is longer loses its middle, and that is said."""
    tries: int = Field(default=2, ge=1, le=5)
    """Answers a judge may give to one question until one is what was asked for."""
    chosen_at: float = Field(default=7.0, ge=1, le=10)
    """A turn is good from this median of `overall` on."""
    rejected_at: float = Field(default=4.0, ge=1, le=10)
    """A turn is bad up to this one, and does not train."""
    spread: float = Field(default=4.0, ge=0, le=9)
    """Judges whose `overall` lie further apart than this dispute a turn, and it does not train."""
    least_votes: int = Field(default=1, ge=1)
    """Valid answers that make a verdict."""
    votes: int = Field(default=3, ge=1, le=15)
    """Votes on one step, shared out among the judges; more than half of them decide."""
    planted: int = Field(default=12, ge=4, le=100)
    """Good turns, and as many damaged ones, that a judge must tell apart before it votes."""
    floor: float = Field(default=0.8, ge=0.5, le=1)
    """How well: the share of pairs in which it puts the good turn above the damaged one, and the
    share of damaged turns that it does not call good."""
    calibrated_days: float = Field(default=30.0, gt=0)
    """How long that lasts."""
    parallel_at: float = Field(default=0.8, ge=0, le=1)
    """Local judges judge beside the hired ones once the live adapter gets this share of held-out
    requests right."""
    takes_over_at: float = Field(default=0.9, ge=0, le=1)
    """They take over when they say the same as the hired ones of this share of turns, ..."""
    takes_over_kappa: float = Field(default=0.6, ge=-1, le=1)
    """... and Cohen's kappa, which leaves out what chance alone makes, is at least this, ..."""
    takes_over_after: int = Field(default=50, ge=1)
    """... over so many turns that both have rated."""
    audited: float = Field(default=0.1, ge=0, le=1)
    """Share of turns that hired judges go on rating after that."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.rejected_at >= self.chosen_at:
            raise ValueError("`rejected_at` must be below `chosen_at`")
        return self


class TrainerSettings(Section):
    """How `majordomo train now` selects, trains and judges. What mlx-lm knows by a name has that
    name; the defaults are for the house model (docs/training.md)."""

    base: str | None = Field(default=None, min_length=1)
    """Directory of the base model, in the layout mlx-lm loads; none: the house model. Golden rows
    for another base are read from HOME/golden/*.jsonl."""
    iters: int = Field(default=200, ge=1)
    """Training steps."""
    batch_size: int = Field(default=8, ge=1)
    """Rows in one step; fewer when there are fewer rows."""
    learning_rate: float = Field(default=5e-4, gt=0)
    """Of the Adam optimizer, at its highest; falls along a cosine to a twentieth."""
    warmup: int = Field(default=20, ge=0)
    """Steps in which the learning rate rises from nothing; at most half of them."""
    rank: int = Field(default=16, ge=1)
    """Of the LoRA matrices."""
    scale: float = Field(default=10.0, gt=0)
    """What the LoRA product is multiplied by (not alpha, which is rank times this)."""
    strength: float = Field(default=0.8, gt=0, le=1)
    """Share of what was learned that is kept: the LoRA product is multiplied by it once training is
    over. Less learns a little less and forgets much less of the base."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of LoRA inputs dropped in training."""
    num_layers: int = Field(default=-1, ge=-1)
    """How many of the last layers are trained; -1 for all."""
    max_seq_length: int = Field(default=2048, ge=64)
    """Longest row in tokens; what is longer is left out."""
    grad_checkpoint: bool = False
    """Compute activations again rather than keep them: less memory, more time."""
    seed: int = Field(default=0, ge=0)
    """Of the order of rows, golden rows and LoRA's first values; each cycle adds its number."""
    soul: Literal["prepend", "replace", "off"] = "prepend"
    """How HOME/SOUL.md, where there is one, gets into the system prompt of every row, exported ones
    included: before what the client's says, in its place, or not at all. Where the client sends its
    text already, nothing is put before it."""
    rows: int = Field(default=2000, ge=1)
    """Most captured rows in a dataset, and no more than its steps see; the newest are kept."""
    held_out: float = Field(default=0.2, ge=0, le=0.9)
    """Share of conversations held out of training for ever, to judge candidates by."""
    replay_share: float = Field(default=0.5, ge=0, le=0.9)
    """Share of golden rows, which practise the base's own skills, in a dataset."""
    per_skill: int = Field(default=40, ge=1)
    """Most held-out requests of one skill that a candidate is judged by; the newest."""
    golden_per_skill: int = Field(default=4, ge=1)
    """Held-out golden requests of each base skill in each of their groups."""
    base_drop_points: float = Field(default=5.0, ge=0, le=100)
    """Percentage points that a candidate may lose against the base, on all base skills together."""
    skill_drop_points: float = Field(default=15.0, ge=0, le=100)
    """Percentage points that a candidate may lose, on any major skill, against the incumbent."""
    major_requests: int = Field(default=5, ge=1)
    """A skill is major from this many held-out requests on."""
    judges: JudgesSettings = JudgesSettings()


class LogSettings(Section):
    """The gateway's own log: JSON lines in HOME/logs, never holding bodies or secrets."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    file_bytes: int = Field(default=10 * 1024 * 1024, ge=65_536)
    """A log file is rotated past this many bytes; five are kept."""


class Settings(Section):
    """All of `majordomo.yaml`."""

    version: Literal[1] = 1
    """Version of this format."""
    server: Server = Server()
    upstreams: dict[Name, UpstreamSettings] = Field(default_factory=dict[str, UpstreamSettings])
    """Places requests can be sent, by names you choose."""
    modes: Modes = Modes()
    models: dict[Name, Target] = Field(default_factory=dict[str, Target])
    """Further model names clients may ask for, beside `auto`, `resting`, `active` and `burst`."""
    escalation: Escalation = Escalation()
    skills: SkillsSettings = SkillsSettings()
    retries: Retries = Retries()
    capture: CaptureSettings = CaptureSettings()
    trainer: TrainerSettings = TrainerSettings()
    log: LogSettings = LogSettings()


def needs_key(settings: Settings) -> bool:
    """Whether others can reach the address served on, so that serving without a key is refused."""
    return not is_loopback(settings.server.host)
