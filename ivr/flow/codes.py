"""Every code that a flow's problems may have, with its reason and remedy: the source of `docs/flow-codes.md`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Code:
    """A code: what it means, and what to do."""

    means: str
    remedy: str


#: The chapters of the page, by the code's first digit.
CHAPTERS: Final[Mapping[str, str]] = {
    "F1": "Files and YAML",
    "F2": "The shape of a flow",
    "F3": "Ways through a flow",
    "F4": "Names and types",
    "F5": "Who is calling",
    "F6": "Prompts, words and languages",
    "F7": "What the caller may press",
    "F8": "Tests beside a flow",
    "F9": "Calendars",
}
CODES: Final[Mapping[str, Code]] = {
    "F101": Code(
        "The file cannot be read: it is not UTF-8, or too large.", "Save it as UTF-8; split a large flow."
    ),
    "F102": Code("The text is not YAML.", "Look at the place named: quotes, a colon, or the indentation."),
    "F103": Code("The file is not a mapping.", "Begin it with `flow: name`."),
    "F104": Code("A key is written twice; the second would hide the first.", "Keep one of them."),
    "F105": Code("A tag, a merge key `<<` or a key that is no word.", "Write plain data."),
    "F106": Code(
        "A number that could lose its zeros, or a key without quotes.", 'Put it in quotes: `"0123"`.'
    ),
    "F110": Code("The folder has no `hotline.yaml`.", "Write one; `docs/flows.md` shows it."),
    "F111": Code("Two files hold a flow of the same name.", "Rename one."),
    "F201": Code(
        "A key that the language does not have here.", "Correct the word; the message suggests the nearest."
    ),
    "F202": Code("A key that must be there is missing.", "Write it."),
    "F203": Code(
        "A step without a key that says what it does.", "Give it `say`, `menu`, `do` or another kind."
    ),
    "F204": Code("A value that does not fit its key.", "Write what the message asks for."),
    "F205": Code("Two lines say where to go after the same outcome.", "Keep one of `next`, `when` and `on`."),
    "F301": Code("No way leads to the step.", "Let a step go to it, or delete it."),
    "F302": Code("After the step the caller would hear nothing more.", "Add `next`, or hang up."),
    "F303": Code("A `when` that leaves cases out, or a line after `else`.", "End it with `{else: step}`."),
    "F304": Code(
        "Nobody handles an outcome that the step can have.", "Add it to the `on` of step, flow or hotline."
    ),
    "F305": Code(
        "A loop that goes on for ever when the caller does nothing.",
        "Let it lead out, count it with `set` and `when`, or bound a step with `at_most`.",
    ),
    "F306": Code("A target that is no step of the flow.", "Correct the name, or add the step."),
    "F307": Code("`on` names an outcome that the step never has.", "Correct the word."),
    "F308": Code(
        "Flows that call each other in a circle.", "Go to `main` or `back`, or bound a call with `at_most`."
    ),
    "F309": Code("A `return` of an outcome that the flow does not declare.", "Declare it under `outcomes`."),
    "F310": Code("A declared outcome that no step returns.", "Delete it, or return it."),
    "F311": Code(
        "A ladder with nothing in it, or with something after its target.", "One target, at the end."
    ),
    "F312": Code(
        "A step that speaks or waits where the caller has hung up.", "Only `do`, `set` and `when` go there."
    ),
    "F313": Code("A flow that nobody calls.", "Call it, or delete the file."),
    "F401": Code("A variable or function that does not exist.", "Correct the name."),
    "F402": Code("A field that the record does not have.", "Correct the name."),
    "F403": Code("Types that do not go together.", "Compare or fill with something of the same type."),
    "F404": Code("A value that may be missing is used as if it were there.", "Test `x is not None` before."),
    "F405": Code(
        "An expression that cannot be read or is not allowed.", "Keep to the grammar of `docs/flows.md`."
    ),
    "F406": Code(
        "An expression that failed in a running call.", "The call goes to `on_error`; test the values before."
    ),
    "F407": Code("A type that does not exist.", "Write one of the types of `docs/flows.md`."),
    "F408": Code(
        "A variable that is not set on some way to the step.", "Set it before, or give it an initial value."
    ),
    "F409": Code("A service that does not exist.", "Correct the name."),
    "F410": Code("An argument that the service or flow does not take.", "Delete it, or correct the name."),
    "F411": Code("An argument that is missing.", "Write it under `with`."),
    "F412": Code("An argument of the wrong type.", "Give a value of the type that is wanted."),
    "F413": Code("`into` where nothing is given back.", "Take it away."),
    "F414": Code("A retry of a service that must not run twice.", "Take `retry` away."),
    "F415": Code("A flow that does not exist.", "Correct the name."),
    "F416": Code("A queue that does not exist.", "Declare it in `hotline.yaml`."),
    "F417": Code("A mailbox that does not exist.", "Declare it in `hotline.yaml`."),
    "F418": Code("A calendar that does not exist.", "Declare it in `hotline.yaml`."),
    "F501": Code(
        "A service that can be reached by a caller it does not trust enough.", "Identify the caller before."
    ),
    "F502": Code(
        "A flow that can be reached by a caller it does not trust enough.", "Identify the caller before."
    ),
    "F601": Code("A prompt that does not exist.", "Write its text in `prompts/`, or correct the name."),
    "F602": Code(
        "A prompt without a text in a language that is offered; another language is heard instead.",
        "Write it.",
    ),
    "F603": Code("A slot of a prompt that nothing fills.", "Write it under `with`."),
    "F604": Code("`with` fills a slot that no prompt of the step has.", "Delete it, or correct the name."),
    "F605": Code("A slot of another type than what fills it.", "Give a value of the type that is spoken."),
    "F606": Code(
        "A language that the hotline does not offer.", "Add it to `languages`, or correct the code."
    ),
    "F607": Code("A choice that cannot be said in a language that is recognised.", "Add words to `hear`."),
    "F608": Code("The same words for two choices.", "Choose other words for one."),
    "F609": Code(
        "Words that are too short, or too alike, to be told apart on a telephone.",
        "Offer a longer phrase beside them, or other words.",
    ),
    "F610": Code("A set of words that does not exist.", "Declare it under `words` in `hotline.yaml`."),
    "F611": Code(
        "A route to a menu that choices alone do not lead to.",
        "Name a flow (or `flow.step`) whose menu the choices reach without another question, or take it away.",
    ),
    "F612": Code(
        "Words that the installed recogniser does not know: nobody is ever heard to say them.",
        "Use other words for the same; look for a model with a larger vocabulary.",
    ),
    "F701": Code("More spoken options than callers remember.", "Make two menus, or fewer options."),
    "F702": Code("A choice that begins with a live hotkey.", "Turn the hotkey off in this step: `null`."),
    "F703": Code("An entry that nobody can give.", "Correct `least`, `most` or `length`."),
    "F704": Code("One key with two meanings.", "Change one."),
    "F705": Code("A choice that begins another; the caller is waited for after it.", "Fine, if it is meant."),
    "F706": Code(
        "A secret that could be spoken aloud because of what the step inherits.",
        "Say it in the step itself: `input: [keys]`, or `input: [keys, speech]` with its `length`.",
    ),
    "F801": Code("A word that tests do not have.", "Correct it; `docs/flows.md` lists them."),
    "F802": Code("A test names a prompt that does not exist.", "Correct the name."),
    "F803": Code("A test names a step that does not exist.", "Correct the name."),
    "F804": Code("A test names a service, flow, queue or outcome that does not exist.", "Correct the name."),
    "F805": Code("A value in a test that does not fit.", "Write what the message asks for."),
    "F901": Code("Opening hours, a date, a zone or a country that cannot be read.", "Write `09:00-17:30`."),
    "F902": Code(
        "The public holidays of the next 90 days are not known.",
        "Update the `holidays` package, or write the days under `exceptions`.",
    ),
}


def codes_page() -> str:
    """The text of `docs/flow-codes.md`."""
    lines = [
        "# What `hotline flow check` says",
        "",
        "Every message is `file:line:column: CODE message`. Codes do not change their meaning. Errors keep flows",
        "from being used (the last good ones stay in use); F310, F313, F609, F612, F701, F702 and F902 are warnings",
        "and F705 is a hint. This page is made by `ivr.flow.codes`.",
    ]
    chapter = ""
    for name, code in CODES.items():
        if name[:2] != chapter:
            chapter = name[:2]
            lines += [
                "",
                f"## {CHAPTERS[chapter]}",
                "",
                "| code | what it means | what to do |",
                "|---|---|---|",
            ]
        lines.append(f"| {name} | {code.means} | {code.remedy} |")
    return "\n".join(lines) + "\n"
