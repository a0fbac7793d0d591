# ruff: noqa: E501 - a production is one line
"""The base skills: their tools, the other names clients give those tools, and how people ask.

Every production follows `grammar`; a production may end in ``=> template`` when the argument is not
simply the slot's value (a sum said in words).  Nothing here is random: `data` does the drawing.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Argument:
    """One argument of a tool and the slot it is filled from."""

    slot: str
    """The slot's name in the productions."""
    kind: str
    """The kind of value, a key of `values.GENERATORS`."""
    names: tuple[str, ...]
    """The canonical name first, then names other clients use; the last one is held out."""
    numeric: bool = False
    """Whether the canonical tool declares a number, so that the value is written without quotes."""
    optional: bool = False
    """Whether the request may leave it out; then the call leaves it out too."""


@dataclass(frozen=True)
class Skill:
    """One kind of request the house model serves with a tool."""

    name: str
    """The canonical tool name, which is also the skill's name in reports."""
    tools: tuple[str, ...]
    """Other names for the tool; the last one is held out."""
    arguments: tuple[Argument, ...]
    """In the order in which they are written."""
    productions: tuple[str, ...]
    """How people ask."""
    reports: bool
    """Whether the tool's result is the answer (else the result only confirms that it was done)."""


def _lines(block: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in block.strip().splitlines())


_PATH = ("path", "file_path", "filename", "filePath", "file", "filepath", "target_file")

SKILLS: tuple[Skill, ...] = (
    Skill(
        "read_file",
        (
            "open_file",
            "fs_read",
            "file_read",
            "cat_file",
            "readFile",
            "view_file",
            "get_file_contents",
            "read",
            "load_file",
        ),
        (Argument("path", "path", _PATH),),
        _lines("""
            !(read|open|show|print|display|view|load|output) [me] [the] [file] {path}
            !show me (what is|what's) (in|inside|written in) [the file] {path}
            !(show|print|display|give) me the (contents|content|text|lines) of [the file] {path}
            !(have|take) a [quick] look (at|into|inside) [the file] {path}
            !(dump|cat|type out|spit out) {path}
            !let me (see|read|look at|have a look at) [the file] {path}
            !(check|see|find out|tell me) what [the file] {path} (says|contains|has in it|holds)
            !pull up [the file] {path} [on screen]
            !(fetch|get) [me] the (text|contents|content) (of|from|in) {path}
            !bring up [the file] {path}
            !go through [the file] {path} and (show me|tell me) what it says
            !read [the file] {path} (to me|out loud|aloud|back to me)
            !open up {path} and (show|read) it [to me]
            what (does|did) [the file] {path} (say|contain|have in it|hold) [?]
            +what (is|'s) (in|inside|written in) [the file] {path} [?]
            what are the contents of [the file] {path} [?]
            what (text|stuff|content) is (there in|stored in|in) {path} [?]
            (i want|i need|i would like|i'd like|i have|i wish) to (see|read|view|look at|open|check) [the file] {path}
            (may|can|could) i (see|read|have a look at|look at) [the file] {path} [?]
            {path}: (show|read|open|print) (it|that file|this one)
            {path} - what (does it say|is in it|is in there) [?]
            the (contents|content|text) of {path} [please]
            (there is|there's|i have) a file [called|named] {path}, (read it|open it|what does it say|show it to me)
            any idea what (is in|is inside|the file) {path} (says|has) [?]
            cat {path}
            (is there anything|anything|something) (interesting|useful|important) in {path} [?]
        """),
        True,
    ),
    Skill(
        "write_file",
        (
            "create_file",
            "fs_write",
            "save_file",
            "file_write",
            "writeFile",
            "put_file",
            "write",
            "store_file",
        ),
        (
            Argument("path", "path", _PATH),
            Argument(
                "content", "text", ("content", "text", "contents", "data", "body", "file_text")
            ),
        ),
        _lines("""
            +!(write|save|put|store|print) {content} (to|into|in) [the file] {path}
            !(create|make|start|add|generate) [a] [new] file [called|named|at] {path} (with|containing|that says|saying|holding) {content}
            !(create|make) {path} with [the] (content|contents|text|line|words) {content}
            !(create|write|make|save) [the file] {path}: {content}
            !(write|save|put|store) the (text|words|line|sentence|content) {content} (to|into|in) [the file] {path}
            !(write|save) [a] [new] file {path} with [the] (content|text|line) {content}
            !fill [the file] {path} with {content}
            !(overwrite|replace|set) [the] [contents of] [the file] {path} (with|to) {content}
            !in [the file] {path} (write|put|save) {content}
            !(open|create) {path} and (write|put|type) {content} (in it|into it|there)
            !dump {content} (into|to) {path}
            !into {path} (write|put|store) the (text|words|line) {content}
            !let [the file] {path} (say|contain|hold) {content}
            !make (sure|it so) that {path} (says|contains|has) {content}
            (i want|i need|i would like|i'd like) {content} (written to|saved in|saved to|stored in|put into) [the file] {path}
            (i want|i need|i would like|i'd like) a [new] file [called|named] {path} (with|containing|that says|saying) {content}
            [the file] {path} (should|must|shall|has to) (say|contain|read|hold) {content}
            new file {path}: {content}
            {path} <- {content}
            {content} > {path}
            {content} (goes|belongs) (into|in) [the file] {path}
            put (this|the following) (in|into) {path}: {content}
            (save|write) (this|the following) (as|to|in) {path}: {content}
        """),
        False,
    ),
    Skill(
        "list_files",
        (
            "list_directory",
            "ls",
            "list_dir",
            "fs_list",
            "listFiles",
            "dir",
            "show_folder",
            "directory_list",
        ),
        (
            Argument(
                "folder", "folder", ("path", "folder", "directory", "dir", "dir_path", "location")
            ),
        ),
        _lines("""
            +!(list|show|print|display|give) [me] [all] [the] files (in|inside|under|of|from) [the] [folder|directory] {folder}
            !(list|show) [me] [the] (folder|directory|dir) {folder}
            !list {folder}
            !(show|tell) me (what is|what's|which files are) (in|inside|under) [the] (folder|directory) {folder}
            !(list|show|print) [me] [the] (contents|content|entries) of [the] (folder|directory) {folder}
            !(look|peek) (into|inside|in) [the] (folder|directory) {folder}
            !(list|show) [me] (everything|all|whatever) [that is] (in|inside|under) [the] [folder|directory] {folder}
            !(give|get|make) [me] a (list|listing) of [the] (files|entries) (in|inside|under) {folder}
            !(give|get) me (a|the) (directory|folder) listing (of|for) {folder}
            !enumerate [the] files (in|under) {folder}
            !check which files (are in|are under|sit in|live in) [the folder] {folder}
            what files (are|do i have|do we have|exist|can you see) [there] (in|inside|under) [the] [folder|directory] {folder} [?]
            what (is|'s) (in|inside) [the] (folder|directory) {folder} [?]
            which files (are there|are|exist|live|sit) (in|under|inside) [the] [folder|directory] {folder} [?]
            what does the (folder|directory) {folder} (contain|hold|have in it) [?]
            ls {folder}
            dir {folder}
            (i want|i need|i would like|i'd like) to (see|know) (which|what) files (are|there are) (in|under) {folder}
            (i want|i need|i would like|i'd like) (a listing|a list|the listing) of [the] [folder|directory] {folder}
            [the] (folder|directory) {folder}: what is in (it|there) [?]
            {folder}: (list|show) [me] [all] [the] files
            (files|entries|everything) (in|under|inside) [the folder] {folder} [please]
            how many files are [there] in [the folder] {folder} [?]
            do i have (anything|any files) in [the folder] {folder} [?]
        """),
        True,
    ),
    Skill(
        "find_files",
        (
            "search_files",
            "file_search",
            "fs_find",
            "locate_file",
            "glob",
            "findFiles",
            "find",
            "lookup_file",
        ),
        (
            Argument(
                "pattern",
                "pattern",
                ("pattern", "query", "name", "file_name", "glob_pattern", "search"),
            ),
        ),
        _lines("""
            +!(find|locate|search for|look for|seek|track down|hunt down) [the] [file|files] [called|named] {pattern}
            !(find|locate|search for|look for) [a|any|all] (file|files) (called|named|matching|like) {pattern}
            !(find|figure) out where [the file] {pattern} (is|lives|went|ended up)
            !search [my|the] (disk|computer|files|drive|machine|home folder) for {pattern}
            !(tell|show) me where [the file] {pattern} (is|lives)
            !(look|search) (everywhere|on disk|on my disk|on this computer) for {pattern}
            !find me [the] [file] {pattern}
            !(run|do) a file search for {pattern}
            !(check|see) (whether|if) (there is|there's|we have|i have) a file (called|named|like) {pattern}
            !help me find [the file] {pattern}
            !get me the (location|path) of [the file] {pattern}
            !show [me] all files (matching|named|called|like) {pattern}
            where (is|did i put|did i save|can i find|do i keep|are) [the] [file|files] {pattern} [?]
            where (is|'s) my [file] {pattern} [?]
            do (we|i) have [a] [file|files] [called|named] {pattern} [somewhere|anywhere] [?]
            is there a file (called|named|like) {pattern} [somewhere|anywhere|on disk] [?]
            which files (match|are named|are called|look like) {pattern} [?]
            (i am|i'm) looking for [the|a] [file|files] [called|named] {pattern}
            (i cannot|i can't|i can not) find [the] [file] {pattern}
            (i lost|i misplaced|i forgot where i put) [the] [file] {pattern}
            {pattern}: where is (it|that|that file) [?]
            {pattern} (must|should|has to) be somewhere, (find it|look for it|search for it)
            (in which|what) folder (is|has|does) [the file] {pattern} [live in] [?]
            find -name {pattern}
        """),
        True,
    ),
    Skill(
        "git_status",
        (
            "repo_status",
            "status",
            "git_st",
            "gitStatus",
            "vcs_status",
            "show_changes",
            "working_tree_status",
        ),
        (),
        _lines("""
            !(show|give|tell|print|get) [me] [the] git status
            !(check|run|do) [a|the] git status
            !(show|check|print|get) [me] the (status|state) of (the|my|this) (repo|repository|working tree|checkout)
            !(show|list|tell) me (what|which files) (i|we) [have] changed [in git|in the repo|so far]
            !(list|show) [me] [the|all] (uncommitted|pending|unstaged|staged|local) (changes|files|edits|modifications)
            !(check|see|tell me) (whether|if) (there are|i have|we have) (any|some) (uncommitted|pending|unsaved) changes
            !(check|see|tell me) (whether|if) (the|my) (repo|repository|working tree) is (clean|dirty)
            !(tell me|see) what is (modified|staged|untracked|uncommitted) [right now]
            !look at the (state|status) of the (repo|repository)
            +git status
            status of (the|my|this) (repo|repository|working tree|git repo)
            what (is|'s) the git status [?]
            what (is|'s) the (state|status) of (the|my|this) (repo|repository|working tree) [?]
            what (have i|did i|have we|did we) (change|changed|modify|modified|edit|edited) [in git|in the repo|so far|since the last commit] [?]
            is (the|my) (repo|repository|working tree|checkout) (clean|dirty|up to date) [?]
            (are there|do i have|do we have|have i got) [any] (uncommitted|pending|unstaged|staged|local) (changes|files|edits) [?]
            which files (are|did i|have been) (modified|changed|staged|untracked) [in git|in the repo] [?]
            anything (uncommitted|unstaged|left to commit|to commit|not committed yet) [?]
            (i want|i need|i would like|i'd like) to (see|know) the git status
            (i want|i need|i would like|i'd like) to (see|know) what (i changed|changed|is uncommitted|is modified)
            how does (the|my) (repo|repository|working tree) look [?]
            git: what changed [?]
        """),
        True,
    ),
    Skill(
        "git_log",
        (
            "repo_log",
            "commit_history",
            "git_history",
            "gitLog",
            "list_commits",
            "log",
            "show_commits",
            "recent_commits",
        ),
        (
            Argument(
                "count",
                "small",
                ("count", "n", "limit", "max_count", "number", "num_commits"),
                numeric=True,
            ),
        ),
        _lines("""
            +!(show|list|print|give|display|get) [me] [the] (last|latest|most recent|recent|newest|past|previous) {count} commits
            !(show|give|print) [me] [the] git (log|history) (for|of|with) [the] [last] {count} commits
            !(show|give|print|list) [me] {count} (commits|entries|lines) of [the] [git] (history|log)
            !(show|print|run) [the] git log, {count} (entries|commits|lines|items)
            !(go|look) back {count} commits [in the history|in the log|in git]
            !(tell|show) me (what|about) [happened in] the last {count} commits
            !(give|show) me a (history|log) of [the] [last] {count} commits
            !look (at|up) the last {count} commits
            !limit the [git] (log|history) to {count} (commits|entries) [and show it]
            !fetch the {count} (newest|latest|most recent) commits
            !summarise the last {count} commits
            what (were|are) the (last|latest|most recent) {count} commits [?]
            what (happened|changed|was done) in the last {count} commits [?]
            what are the {count} (last|latest|most recent|newest) commits [?]
            which {count} commits (came|were) last [?]
            (can|could|may) i see [the] (last|latest|previous) {count} commits [?]
            git log -n {count}
            git log -{count}
            git log {count}
            recent (history|commits), {count} (entries|of them|items)
            [the] last {count} commits [please]
            {count} (most recent|latest|newest|last) commits
            (i want|i need|i would like|i'd like) [to see] the last {count} commits
            (i want|i need|i would like|i'd like) to see {count} commits (of|from) [the] history
            commit history, (last|latest|newest) {count}
            history of {count} commits
        """),
        True,
    ),
    Skill(
        "git_commit",
        (
            "commit",
            "repo_commit",
            "commit_changes",
            "gitCommit",
            "make_commit",
            "vcs_commit",
            "save_changes",
            "create_commit",
        ),
        (
            Argument(
                "message",
                "text",
                ("message", "msg", "commit_message", "text", "description", "summary"),
            ),
        ),
        _lines("""
            !commit [everything|it all|all|this|my changes|the changes|my work] (with|using) [the] (message|text|note|comment) {message}
            !commit [everything|this|my changes|the changes] as {message}
            !commit: {message}
            !commit [all] (my|the|these) changes: {message}
            +!(make|create|do|add|record) a [git|new] commit (with the message|with message|called|saying|that says|named) {message}
            !(make|create) a [new] commit: {message}
            !git commit (with|using) [the] [message] {message}
            !(check in|save|record) (my|the|these|all) changes [in git|to git] (with the message|with message|as) {message}
            !(check in|record) (everything|it all|this) with the (message|comment) {message}
            !(commit|check in) (what i have|what we have|the work so far), message {message}
            !use {message} as the commit message [and commit]
            !commit and (say|write|note) {message}
            !put {message} in a [new] commit
            !save this to git: {message}
            git commit -m {message}
            git commit: {message}
            commit message: {message}
            commit message {message}, (go|commit it|commit now)
            new commit: {message}
            (i want|i need|i would like|i'd like) to commit (with the message|with message|this as|everything as) {message}
            (i want|i need|i would like|i'd like) a commit (saying|with the message|that says|called) {message}
            (the|my) commit message (is|should be|shall be|will be) {message}
            (time|ready) to commit: {message}
            {message} - commit (that|it|this|with this message)
        """),
        False,
    ),
    Skill(
        "add_note",
        (
            "create_note",
            "note",
            "save_note",
            "notes_add",
            "addNote",
            "write_note",
            "new_note",
            "take_note",
        ),
        (Argument("text", "text", ("text", "content", "note", "body", "message", "note_text")),),
        _lines("""
            !(note|write) down: {text}
            !note [that] {text}
            +!(add|make|take|create|save|write|start|leave) a [new|quick] note: {text}
            !(add|make|take|create|save|write|leave) [me] a [new|quick] note (that says|saying|with the text|with|about|reading) {text}
            !(jot|write|note|put) down {text}
            !(jot|write) {text} down
            !(add|save|put|write|append) {text} (to|in|into) (my|the) (notes|notebook|note list)
            !(remember|memo|keep in mind) [that] [:] {text}
            !(keep|save|store) {text} as a [new] note
            !(make|keep) a (memo|record): {text}
            !take (this|the following) down: {text}
            !put (this|the following) in my notes: {text}
            !do not (let me forget|forget): {text}
            !put {text} on (my|the) (notes|list)
            note to self: {text}
            note: {text}
            new note: {text}
            for my notes: {text}
            (i want|i need|i would like|i'd like) [to make|to add|to leave] a note (saying|that says|about|with) {text}
            (i want|i need|i would like|i'd like) to (note|write down|jot down|remember) {text}
            {text} - (note that|write that down|add that to my notes|save it as a note|please note)
            {text}: (add it to|put it in|save it in) my notes
            (my|a) [new] note (should say|says|reads): {text}
            before i forget: {text}
            (just|quick) (a note|note): {text}
        """),
        False,
    ),
    Skill(
        "search_notes",
        (
            "find_note",
            "notes_search",
            "query_notes",
            "lookup_notes",
            "searchNotes",
            "grep_notes",
            "find_in_notes",
        ),
        (Argument("query", "title", ("query", "q", "text", "term", "search", "keyword")),),
        _lines("""
            !(search|check|scan|go through|look through|look in|browse) (my|the|all my) notes for {query}
            !(find|look up|search for|show|get|fetch|bring up|pull up|read) [me] (my|the) (note|notes) (about|on|for|mentioning|with|regarding) {query}
            !(find|look up|search for|look for) {query} in (my|the) (notes|notebook)
            !(find|show|list|get) [me] (any|all|every) (note|notes) (about|on|mentioning|with|that mention|regarding) {query}
            !(tell|show|remind) me what i (wrote|noted|wrote down|said) about {query} [in my notes]
            !(see|check) (if|whether) (my notes mention|i noted|i wrote down|there is a note on) {query}
            !(do|run) a note search for {query}
            !search notes: {query}
            !dig up (my|the) notes (about|on) {query}
            !in my notes, (find|search for|look for|look up) {query}
            !(list|show) the notes (where|in which) i mention {query}
            +what did i (write|note|write down|jot down|say) about {query} [in my notes] [?]
            what do my notes say (about|on) {query} [?]
            what (notes|note) do i have (about|on|for|regarding) {query} [?]
            do i have [any|a] (note|notes) (about|on|for|mentioning) {query} [?]
            is there (a note|anything in my notes) (about|on|mentioning) {query} [?]
            where did i (note|write down|jot down) {query} [?]
            which (note|notes) (mention|mentions|talk about|is about|are about) {query} [?]
            (did|have) i (write|written|note|noted) (anything|something) about {query} [?]
            (i want|i need|i would like|i'd like) [to see] my notes (about|on) {query}
            (i am|i'm) looking for (a|my|the) (note|notes) (about|on|with) {query}
            my notes (about|on) {query} [please]
            {query} - (what did i note about it|is that in my notes|search my notes for it)
            notes (about|on|with) {query} [?]
        """),
        True,
    ),
    Skill(
        "add_event",
        (
            "create_event",
            "calendar_add",
            "schedule_event",
            "new_appointment",
            "addEvent",
            "book_event",
            "calendar_create",
            "add_appointment",
        ),
        (
            Argument(
                "title", "title", ("title", "name", "summary", "event", "subject", "event_title")
            ),
            Argument("date", "date", ("date", "day", "on", "start_date", "when", "event_date")),
            Argument("time", "clock", ("time", "start_time", "at", "hour", "start", "event_time")),
        ),
        _lines("""
            !(add|put|enter|save) {title} (to|in|into|on) (my|the) (calendar|schedule|diary|agenda) (on|for) {date} at {time}
            !(add|create|make|schedule|book|set up|plan) (an event|a meeting|an appointment|an entry) [called|named|titled] {title} (on|for) {date} at {time}
            +!(schedule|book|plan|arrange|set up) {title} (for|on) {date} at {time}
            !(schedule|book|plan|arrange|set up) {title} at {time} (on|for) {date}
            !(add|put) {title} at {time} (on|for) {date} [to my calendar|in my calendar]
            !on {date} at {time} (schedule|put|add|book|plan) {title} [in my calendar]
            !at {time} on {date} (schedule|put|add|book|plan) {title}
            !(create|make|add) a calendar (entry|event|item): {title}, {date}, {time}
            !(create|make) a [new] (calendar entry|calendar event) for {title} on {date} at {time}
            !(block|reserve) {date} at {time} for {title}
            !(block|reserve) {time} on {date} for {title}
            !(mark|pencil in|put down|write down) {title} (for|on) {date}, {time} [in my calendar]
            !(add|put) (this|the following) to my calendar: {title}, {date} at {time}
            !make an appointment for {title}, {date} {time}
            calendar: {title} on {date} at {time}
            new (event|appointment|meeting): {title}, {date}, {time}
            (i have|there is|we have) {title} on {date} at {time}, (add it|put it in my calendar|add it to my calendar|schedule it)
            (i have|there is|we have) {title} at {time} on {date}, (add it|put it in the calendar|please schedule it)
            (i want|i need|i would like|i'd like) {title} (in my calendar|scheduled|on my calendar) (for|on) {date} at {time}
            (i want|i need|i would like|i'd like) to (schedule|book|plan|add) {title} (for|on) {date} at {time}
            {title} (is|takes place|happens|will be) on {date} at {time}, (add it to my calendar|put that in the calendar|schedule that)
            {date}, {time}: {title}, (add it to my calendar|put it in my calendar|schedule it)
            {title} {date} {time} - (calendar|add to calendar|put it in my calendar)
        """),
        False,
    ),
    Skill(
        "list_events",
        (
            "show_calendar",
            "calendar_list",
            "get_events",
            "agenda",
            "listEvents",
            "calendar_view",
            "get_agenda",
            "events_on",
        ),
        (Argument("date", "date", ("date", "day", "on", "for_date", "when", "query_date")),),
        _lines("""
            !(show|list|give|tell|read|print) [me] [my|the] (calendar|schedule|agenda|events|appointments|meetings|plans|diary) (for|on|of) {date}
            !(show|tell) me what (is|i have) (on|planned|scheduled|going on) (for|on) {date}
            !(check|look at|open|view|look up|pull up) (my|the) (calendar|schedule|agenda|diary) (for|on) {date}
            !(list|show) [me] (everything|all events|all meetings|all appointments) (on|for) {date}
            !(check|see|tell me) (if|whether) i (am free|am busy|have anything|have plans|have any meetings) on {date}
            !(get|fetch) [me] (my|the|all) (events|appointments|meetings) (on|for) {date}
            !(remind|tell) me what (happens|i am doing|i'm doing) on {date}
            !look what i (have|have planned) on {date}
            what (is|'s) (on|in) (my|the) (calendar|schedule|agenda) (for|on) {date} [?]
            +what do i have [planned|scheduled|on|to do] (on|for) {date} [?]
            what (am i|are we) (doing|up to) on {date} [?]
            what (events|meetings|appointments|plans) (do i have|are there|have i got|are planned) (on|for) {date} [?]
            what does [my|the] (day|schedule|calendar) look like (on|for) {date} [?]
            what (is|'s) (planned|scheduled|happening|up|going on) (on|for) {date} [?]
            which (meetings|events|appointments) are (on|scheduled for|planned for) {date} [?]
            (am i|are we) (free|busy|available|booked) on {date} [?]
            do i have (anything|any meetings|any events|any appointments|plans|something) (on|for) {date} [?]
            how (busy am i|does my calendar look|full is my calendar) on {date} [?]
            (anything|something) (on|planned for|scheduled for|in my calendar for) {date} [?]
            (my|the) (calendar|schedule|agenda|events|appointments) (for|on) {date} [please]
            {date}: what (is on|do i have|is planned|have i got) [?]
            (i want|i need|i would like|i'd like) to (see|know) (my calendar|my schedule|what is on|what i have) (for|on) {date}
            (calendar|agenda|schedule) {date}
            when am i busy on {date} [?]
        """),
        True,
    ),
    Skill(
        "convert_units",
        (
            "unit_convert",
            "convert",
            "units",
            "convertUnits",
            "measure_convert",
            "unit_converter",
            "change_units",
        ),
        (
            Argument(
                "value",
                "number",
                ("value", "amount", "number", "quantity", "x", "val"),
                numeric=True,
            ),
            Argument(
                "from_unit",
                "unit",
                ("from_unit", "from", "source", "unit_from", "source_unit", "input_unit"),
            ),
            Argument(
                "to_unit",
                "unit",
                ("to_unit", "to", "target", "unit_to", "target_unit", "output_unit"),
            ),
        ),
        _lines("""
            !(convert|change|turn|transform|translate) {value} {from_unit} (to|into|in) {to_unit}
            !(tell|show) me (how many|how much) {to_unit} (are in|is|are|make|are) {value} {from_unit}
            !(tell|give) me {value} {from_unit} (in|as) {to_unit}
            !(express|write|give|show) {value} {from_unit} (in|as) {to_unit}
            !(calculate|compute|work out|figure out) {value} {from_unit} in {to_unit}
            !(find out|figure out|work out) how many {to_unit} (are in|there are in|make up) {value} {from_unit}
            !do a (unit conversion|conversion): {value} {from_unit} to {to_unit}
            !(convert|change) from {from_unit} to {to_unit}: {value}
            !from {from_unit} to {to_unit}, convert {value}
            !get me {value} {from_unit} converted to {to_unit}
            +how many {to_unit} (are|is|are in|are there in|make|in) {value} {from_unit} [?]
            how (much|many) is {value} {from_unit} in {to_unit} [?]
            how (long|heavy|big|far|fast|hot) is {value} {from_unit} in {to_unit} [?]
            what (is|are|'s) {value} {from_unit} (in|as|expressed in|converted to) {to_unit} [?]
            what would {value} {from_unit} be in {to_unit} [?]
            what do {value} {from_unit} (come to|make|equal) in {to_unit} [?]
            {value} {from_unit} (in|to|as|into) {to_unit} [?]
            {value} {from_unit} = ? {to_unit}
            {value} {from_unit} (is|are|equals|makes) how many {to_unit} [?]
            (i want|i need|i would like|i'd like) {value} {from_unit} (in|converted to|as) {to_unit}
            (i want|i need|i would like|i'd like) to (convert|change) {value} {from_unit} (to|into) {to_unit}
            (i have|i've got|there are) {value} {from_unit}, (how many|what is that in) {to_unit} [is that] [?]
            {value} {from_unit}, but in {to_unit}
            in {to_unit}, (what|how much) is {value} {from_unit} [?]
        """),
        True,
    ),
    Skill(
        "calculate",
        (
            "calculator",
            "calc",
            "math",
            "evaluate",
            "eval_expression",
            "do_math",
            "compute",
            "arithmetic",
        ),
        (
            Argument(
                "expression",
                "expression",
                ("expression", "expr", "formula", "input", "query", "calculation"),
            ),
        ),
        _lines("""
            !(calculate|compute|evaluate|solve|work out|figure out|do) {expression}
            !(tell|give) me (the result of|the value of|what is) {expression}
            +!(add|sum) {a} and {b} => {a} + {b}
            !(add|sum up) {a} (to|with|plus) {b} => {a} + {b}
            !(multiply|times) {a} (by|with|and|times) {b} => {a} * {b}
            !divide {a} by {b} => {a} / {b}
            !(subtract|take|deduct) {b} from {a} => {a} - {b}
            !(calculate|compute|work out|tell me|find) the (sum|total) of {a} and {b} => {a} + {b}
            !(calculate|compute|work out|tell me|find) the product of {a} and {b} => {a} * {b}
            !(calculate|compute|work out|tell me) {a} (plus|added to) {b} => {a} + {b}
            !(calculate|compute|work out|tell me) {a} (minus|less) {b} => {a} - {b}
            !(calculate|compute|work out|tell me) {a} (times|multiplied by) {b} => {a} * {b}
            !(calculate|compute|work out|tell me) {a} (divided by|over) {b} => {a} / {b}
            what (is|'s|are) {expression} [?]
            what (is|'s) {a} (plus|added to|and) {b} [?] => {a} + {b}
            what (is|'s) {a} (minus|less|take away) {b} [?] => {a} - {b}
            what (is|'s) {a} (times|multiplied by|x) {b} [?] => {a} * {b}
            what (is|'s) {a} (divided by|over) {b} [?] => {a} / {b}
            what (do i get|do you get|results) (if i|when i|when you|if you) (evaluate|work out) {expression} [?]
            what (do i get|do you get) (if i|when i|when you|if you) (multiply|times) {a} (by|with) {b} [?] => {a} * {b}
            what (do i get|do you get) (if i|when i|when you|if you) divide {a} by {b} [?] => {a} / {b}
            how much (is|are|does) {expression} [make] [?]
            how much (is|are) {a} (and|plus) {b} [together|in total] [?] => {a} + {b}
            how much (is|are) {a} (times) {b} [?] => {a} * {b}
            how much (is left of|remains of) {a} (if i take away|minus|after taking) {b} [?] => {a} - {b}
            {expression}
            {expression} = [?]
            {expression} (is what|equals what|makes) [?]
            {a} plus {b} [?] => {a} + {b}
            {a} minus {b} [?] => {a} - {b}
            {a} times {b} [?] => {a} * {b}
            {a} divided by {b} [?] => {a} / {b}
            the sum of {a} and {b} => {a} + {b}
            the product of {a} and {b} => {a} * {b}
            (i want|i need|i would like|i'd like) to know (what|how much) {expression} is
            (i want|i need|i would like|i'd like) the (result|value) of {expression}
        """),
        True,
    ),
    Skill(
        "set_timer",
        (
            "start_timer",
            "timer",
            "timer_start",
            "countdown",
            "setTimer",
            "create_timer",
            "timer_set",
            "new_timer",
        ),
        (
            Argument(
                "minutes",
                "small",
                ("minutes", "duration", "mins", "duration_minutes", "length", "time_minutes"),
                numeric=True,
            ),
            Argument(
                "label", "title", ("label", "name", "title", "message", "reason"), optional=True
            ),
        ),
        _lines("""
            !(set|start|make|create|run|begin) (a|my|the) timer (for|of|with|to) {minutes} (minutes|min|mins)
            !(set|start|make|create|run|begin) a {minutes} (minute|min) (timer|countdown|alarm)
            !(set|start|make|create|run) a {minutes} (minute|min) timer (called|named|labelled|for) {label}
            !(set|start|make|create|run) a timer (called|named|labelled) {label} for {minutes} (minutes|min)
            !(set|start) a timer for {minutes} (minutes|min) (called|named|labelled) {label}
            !(set|start) a timer for {label}, {minutes} (minutes|min|mins)
            +!(remind|ping|alert|warn|notify|tell|wake|poke) me in {minutes} (minutes|min|mins)
            !(ping|alert|notify|wake|call|buzz) me (after|once) {minutes} (minutes|min|mins) [are over|have passed]
            !(remind|ping|alert|warn) me (about|of) {label} in {minutes} (minutes|min)
            !(remind|ping|alert) me in {minutes} (minutes|min) (about|of) {label}
            !(count|time) {minutes} (minutes|min) [for me]
            !(count down|countdown) [from] {minutes} (minutes|min|mins)
            !(let me know|tell me|say something|beep|ring) (when|once|after) {minutes} (minutes|min) (are over|have passed|are up|are gone)
            !set (the|an) alarm (in|for) {minutes} (minutes|min) [from now]
            !put {minutes} (minutes|min) on the (timer|clock)
            !time {label} for {minutes} (minutes|min)
            timer [for] {minutes} (minutes|min|mins)
            timer: {minutes} (minutes|min), {label}
            timer {label} {minutes} (minutes|min)
            {minutes} (minute|min) timer [please]
            {minutes} (minute|min) timer for {label}
            {minutes} (minutes|min|mins) on the (timer|clock) [please]
            (i want|i need|i would like|i'd like) a {minutes} (minute|min) (timer|countdown)
            (i want|i need|i would like|i'd like) a timer (for|of) {minutes} (minutes|min)
            (i want|i need|i would like|i'd like) to be (reminded|alerted|warned) in {minutes} (minutes|min)
            in {minutes} (minutes|min|mins) (remind me|ping me|ring|beep|wake me)
            {label} (takes|needs) {minutes} (minutes|min), (set a timer|start a timer|time it)
        """),
        False,
    ),
)
"""The base skills, in the order of the reports."""

BY_NAME = {skill.name: skill for skill in SKILLS}

SLOT_KINDS = {argument.slot: argument.kind for skill in SKILLS for argument in skill.arguments} | {
    "a": "number",
    "b": "number",
}
"""The kind of value of every slot."""

DISTRACTORS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("send_mail", ("to", "subject")),
    ("web_search", ("query",)),
    ("turn_on_light", ("room",)),
    ("play_music", ("song",)),
    ("run_command", ("command",)),
    ("terminal", ("command",)),
    ("get_weather", ("city",)),
    ("translate", ("text", "language")),
    ("delete_file", ("path",)),
    ("move_file", ("source", "destination")),
    ("docker_restart", ("container",)),
    ("add_contact", ("name", "phone")),
    ("set_thermostat", ("degrees",)),
    ("lock_door", ("door",)),
    ("todo_add", ("task",)),
    ("browser_navigate", ("url",)),
    ("fetch_url", ("url",)),
    ("execute_code", ("code",)),
    ("memory", ("action", "content")),
    ("git_push", ("branch",)),
    ("git_diff", ()),
    ("patch", ("path", "diff")),
    ("clarify", ("question",)),
    ("screenshot", ()),
    ("take_photo", ()),
    ("send_message", ("to", "text")),
    ("edit_file", ("path", "old", "new")),
    ("task", ("prompt",)),
)
"""Tools that clients also offer and that no base skill uses."""
