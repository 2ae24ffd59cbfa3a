"""A small valid case, and what a person can get wrong in it: one row a mistake.

A row is the text that is replaced (it stands once in the files below), what it is replaced
by, and every message that the person gets, in full: one a problem, and no more.
"""

from __future__ import annotations

CASE = """\
[question]
title = "Harbour talks"
text = "Will the harbour talks open by {deadline}?"
yes_if = "A session opens."
proposed = 2020-01-01
as_of = 2020-02-01
deadlines = [2020-03-01, 2020-06-01]
horizon = 2021-01-01

[base_rate]
held = [0.2, 0.6]
days_to_open = [20, 300]
why = "Elicited."

[[scenarios]]
id = "soon"
held = true
share = [0.2, 0.5]
label = "Soon"

[[scenarios]]
id = "late"
held = true
label = "Late"

[[scenarios]]
id = "never"
held = false
label = "Never"

[[indicators]]
id = "ready"
statement = "The host is ready"
why = "He pays for it."
article = { document = "gazette", paragraph = 2, locator = "the host is ready" }
[indicators.chance]
soon = "very likely"
late = "likely"
not_held = "unlikely"

[[indicators]]
id = "says"
statement = "The host says that he is ready"
given = "ready"
if_true = "almost certain"
if_false = "roughly even"
half_life = 60
why = "Talk is cheap."

[[actors]]
id = "guild"
name = "The guild"
willing = { held = 0.7, otherwise = 0.3 }
attends_if_willing = [0.7, 0.95]
attends_if_unwilling = "remote"
why = "It has ships there."

[[actors]]
id = "pilot"
name = "The pilot"
part_of = "guild"
willing = [0.61, 0.79]
attends_if_willing = 0.9
attends_if_unwilling = 0.1
why = "He goes where it goes."

[[actors]]
id = "host"
name = "The host"
required = true
willing = [0.55, 0.88]
why = "It is his harbour."

[[sources]]
id = "crier"
name = "The town crier"
reliability = "C"

[[documents]]
id = "gazette"
title = "The gazette"
published = 2020-01-14

[[watch]]
id = "guild_declines"
what = "The guild says that it will not come."
by = 2020-01-25
bears_on = "guild"
if_true = 0.04
if_false = 0.52
"""

EVENTS = """\
[[events]]
id = "host_declares"
date = 2020-01-10
what = "The host says that he is ready."
bears_on = "says"
type = "declaration"
reports = [{ source = "crier", via = "wire", published = 2020-01-11, origin = "host_speech" }]

[[events]]
id = "house_let"
date = [2020-01-12, 2020-01-14]
what = "The host lets a house for the guests."
bears_on = "ready"
if_true = 0.42
if_false = 0.11
why = "A house costs money."

[[events.reports]]
source = "wire"
published = 2020-01-15
article = { document = "gazette", paragraph = 3 }

[[events.reports]]
source = { name = "A clerk", reliability = "D" }
published = 2020-01-16

[[events]]
id = "guild_refuses"
date = 2020-01-20
what = "The guild refuses."
answers = "guild_declines"
reports = [{ source = "wire", published = 2020-01-21, url = "https://example.org" }]
"""

TYPES = """\
[[event_types]]
id = "declaration"
label = "A declaration"
direction = "for"
if_true = 0.6
if_false = 0.4
ratio = 1.5
ground = "Talk is cheap."
"""

OUTLETS = """\
[[sources]]
id = "wire"
name = "The wire"
reliability = "A"
"""

FILES = {"case.toml": CASE, "events.toml": EVENTS, "event_types.toml": TYPES, "sources.toml": OUTLETS}

# fmt: off
WRONG: tuple[tuple[str, ...], ...] = (
    # --- ids and the names that refer to them ---
    # one id, two indicators (and nothing is called says any more)
    ('id = "says"\nstatement', 'id = "ready"\nstatement',
     'case.toml: indicators[2] "ready": id: already used by indicators[1] "ready"',
     'events.toml: events[1] "host_declares": bears_on: no indicator or actor "says"',
     'case.toml: indicators[1] "ready": given: goes round in a circle: ready -> ready'),
    # one id, an indicator and an actor
    ('id = "pilot"', 'id = "ready"',
     'case.toml: actors[2] "ready": id: already used by indicators[1] "ready"'),
    # one id, an event and a watch
    ('id = "guild_refuses"', 'id = "guild_declines"',
     'case.toml: watch[1] "guild_declines": id: already used by events[3] "guild_declines" of events.toml'),
    # an id that the shipped outlets have; the old one is still cited
    ('id = "crier"', 'id = "wire"',
     'case.toml: sources[1] "wire": id: already used by sources[1] "wire" of sources.toml',
     'events.toml: events[1] "host_declares": reports[1].source: no source "crier"'),
    # an id that stands for a group
    ('id = "never"', 'id = "otherwise"',
     'case.toml: scenarios[3] "otherwise": id: "otherwise" stands for a group of scenarios'),
    # no id: said with the number of the entry alone
    ('id = "house_let"\n', "",
     "events.toml: events[2]: id: missing"),
    # a source that no report could name; nothing is said of those that try
    ('id = "crier"\n', "",
     "case.toml: sources[1]: id: missing; expected a name for reports to use"),
    # capital letters; the table knows the scenario by its right name
    ('id = "late"', 'id = "Late"',
     'case.toml: scenarios[2] "Late": id: "Late": expected lower case letters, digits and underscores, first a letter, such as "late"',
     'case.toml: indicators[1] "ready": chance.late: no scenario "late"; did you mean "Late"?'),
    # 65 letters
    ('bears_on = "says"', 'bears_on = "' + "s" * 65 + '"',
     'events.toml: events[1] "host_declares": bears_on: "' + "s" * 65 + '": expected at most 64 characters'),
    # unknown, nearly known
    ('bears_on = "says"', 'bears_on = "sais"',
     'events.toml: events[1] "host_declares": bears_on: no indicator or actor "sais"; did you mean "says"?'),
    # unknown, like nothing that is known
    ('bears_on = "says"', 'bears_on = "zebra"',
     'events.toml: events[1] "host_declares": bears_on: no indicator or actor "zebra"'),
    # given
    ('given = "ready"', 'given = "redy"',
     'case.toml: indicators[2] "says": given: no indicator or actor "redy"; did you mean "ready"?'),
    # part_of
    ('part_of = "guild"', 'part_of = "gild"',
     'case.toml: actors[2] "pilot": part_of: no actor "gild"; did you mean "guild"?'),
    # type
    ('type = "declaration"', 'type = "declaratoin"',
     'events.toml: events[1] "host_declares": type: no event type "declaratoin"; did you mean "declaration"?'),
    # answers
    ('answers = "guild_declines"', 'answers = "guild_declined"',
     'events.toml: events[3] "guild_refuses": answers: no watch "guild_declined"; did you mean "guild_declines"?'),
    # source
    ('source = "crier"', 'source = "cryer"',
     'events.toml: events[1] "host_declares": reports[1].source: no source "cryer"; did you mean "crier"?'),
    # one of several in via
    ('via = "wire"', 'via = ["crier", "wyre"]',
     'events.toml: events[1] "host_declares": reports[1].via: no source "wyre"; did you mean "wire"?'),
    # a document, on an indicator
    ('document = "gazette", paragraph = 2', 'document = "gazete", paragraph = 2',
     'case.toml: indicators[1] "ready": article.document: no document "gazete"; did you mean "gazette"?'),
    # a document, in a report
    ('document = "gazette", paragraph = 3', 'document = "gazete", paragraph = 3',
     'events.toml: events[2] "house_let": reports[1].article.document: no document "gazete"; did you mean "gazette"?'),
    # a document, on the base rate: one table, so no number
    ('why = "Elicited."', 'why = "Elicited."\narticle = { document = "herald", paragraph = 1 }',
     'case.toml: base_rate: article.document: no document "herald"'),
    # --- keys and headers ---
    # a misspelt key
    ("half_life = 60", "halflife = 60",
     'case.toml: indicators[2] "says": halflife: unknown key; did you mean "half_life"?'),
    # a key like none: those that belong here
    ("half_life = 60", 'colour = "red"',
     'case.toml: indicators[2] "says": colour: unknown key; the keys here are id, statement, why, article, chance, given, if_true, if_false, half_life'),
    # a misspelt key is not missing as well
    ('why = "Talk is cheap."\n\n', 'wy = "Talk is cheap."\n\n',
     'case.toml: indicators[2] "says": wy: unknown key; did you mean "why"?'),
    # a misspelt header; what refers to the actor below it is left alone
    ('[[actors]]\nid = "guild"', '[[actor]]\nid = "guild"',
     'case.toml: actor: unknown key; did you mean "actors"?'),
    # a misspelt table is not missing as well
    ("[base_rate]", "[baserate]",
     'case.toml: baserate: unknown key; did you mean "base_rate"?'),
    # in the wrong file
    ('[[sources]]\nid = "crier"', '[[events]]\nid = "x"\n\n[[sources]]\nid = "crier"',
     "case.toml: events: does not belong in this file; expected in events.toml"),
    # below a header of the entry: TOML reads it into that table
    ('not_held = "unlikely"', 'not_held = "unlikely"\nhalf_life = 30',
     'case.toml: indicators[1] "ready": chance.half_life: 30: this key belongs to the entry itself; move it above the header of chance'),
    # the same below a report; `why` is not missing as well
    ('why = "A house costs money."\n\n[[events.reports]]\nsource = "wire"',
     '[[events.reports]]\nwhy="A house costs money."\nsource = "wire"',
     'events.toml: events[2] "house_let": reports[1].why: "A house costs money.": this key belongs to the entry itself; move it above the header of reports[1]'),
    # the rubric is checked like the rest
    ('label = "A declaration"', 'name = "A declaration"',
     'event_types.toml: event_types[1] "declaration": label: missing',
     'event_types.toml: event_types[1] "declaration": name: unknown key; the keys here are id, label, direction, if_true, if_false, ratio, ground'),
    # a misspelt header of the rubric; the event of that type is left alone
    ("[[event_types]]", "[[types]]",
     'event_types.toml: types: unknown key; did you mean "event_types"?'),
    # a single table where several belong
    ('[[scenarios]]\nid = "soon"\nheld = true\nshare = [0.2, 0.5]\nlabel = "Soon"\n\n[[scenarios]]\nid = "late"\nheld = true\nlabel = "Late"\n\n[[scenarios]]\n',
     "[scenarios]\n",
     "case.toml: scenarios: found a table below [scenarios]; expected tables, each below [[scenarios]]"),
    # several where a single one belongs
    ("[question]", "[[question]]",
     "case.toml: question: found tables, each below [[question]]; expected a table below [question]"),
    # a section that has to be there
    ('[base_rate]\nheld = [0.2, 0.6]\ndays_to_open = [20, 300]\nwhy = "Elicited."\n', "",
     "case.toml: base_rate: missing; expected a table below [base_rate]"),
    # one scenario only; the tables still name the others
    ('[[scenarios]]\nid = "soon"\nheld = true\nshare = [0.2, 0.5]\nlabel = "Soon"\n\n[[scenarios]]\nid = "late"\nheld = true\nlabel = "Late"\n\n[[scenarios]]\n',
     "[[scenarios]]\n",
     'case.toml: indicators[1] "ready": chance.soon: no scenario "soon"',
     'case.toml: indicators[1] "ready": chance.late: no scenario "late"',
     "case.toml: scenarios with held = true: found none; expected at least one"),
    # no scenario at all: nothing is said of the tables
    ('[[scenarios]]\nid = "soon"\nheld = true\nshare = [0.2, 0.5]\nlabel = "Soon"\n\n[[scenarios]]\nid = "late"\nheld = true\nlabel = "Late"\n\n[[scenarios]]\nid = "never"\nheld = false\nlabel = "Never"\n\n',
     "",
     "case.toml: scenarios with held = true: found none; expected at least one",
     "case.toml: scenarios with held = false: found none; expected at least one"),
    # a scenario that cannot be read does not upset shares and tables
    ('label = "Late"', 'lable = "Late"',
     'case.toml: scenarios[2] "late": lable: unknown key; did you mean "label"?'),
    # --- graphs, tables, shares ---
    # given itself
    ('given = "ready"', 'given = "says"',
     'case.toml: indicators[2] "says": given: goes round in a circle: says -> says'),
    # given each other: told once
    ('[indicators.chance]\nsoon = "very likely"\nlate = "likely"\nnot_held = "unlikely"',
     'given = "says"\nif_true = 0.9\nif_false = 0.2',
     'case.toml: indicators[1] "ready": given: goes round in a circle: ready -> says -> ready'),
    # part of each other
    ('id = "guild"\nname = "The guild"\n', 'id = "guild"\nname = "The guild"\npart_of = "pilot"\n',
     'case.toml: actors[1] "guild": part_of: goes round in a circle: guild -> pilot -> guild'),
    # a scenario without a judgement
    ('late = "likely"\n', "",
     'case.toml: indicators[1] "ready": chance: says nothing for scenario "late"; add it, or otherwise'),
    # two of them: one message
    ('soon = "very likely"\nlate = "likely"\n', "",
     'case.toml: indicators[1] "ready": chance: says nothing for scenarios "soon", "late"; add them, or otherwise'),
    # attendance is asked for held scenarios only
    ("attends_if_willing = [0.7, 0.95]", "attends_if_willing = { soon = 0.9 }",
     'case.toml: actors[1] "guild": attends_if_willing: says nothing for scenario "late"; add it, or otherwise'),
    # an empty table
    ("willing = [0.61, 0.79]", "willing = {}",
     'case.toml: actors[2] "pilot": willing: says nothing for scenarios "soon", "late", "never"; add them, or otherwise'),
    # a scenario that is not there
    ('not_held = "unlikely"', 'not_held = "unlikely"\nzebra = 0.2',
     'case.toml: indicators[1] "ready": chance.zebra: no scenario "zebra"'),
    # misspelt: not uncovered as well
    ('late = "likely"', 'lat = "likely"',
     'case.toml: indicators[1] "ready": chance.lat: no scenario "lat"; did you mean "late"?'),
    # a misspelt group
    ("otherwise = 0.3", "othrwise = 0.3",
     'case.toml: actors[1] "guild": willing.othrwise: no scenario "othrwise"; did you mean "otherwise"?'),
    # no scenario takes the rest
    ('label = "Late"', 'label = "Late"\nshare = [0.1, 0.2]',
     "case.toml: scenarios with held = true: exactly one has no share and takes the rest; found none"),
    # the same, not held
    ('label = "Never"', 'label = "Never"\nshare = 0.5',
     "case.toml: scenarios with held = false: exactly one has no share and takes the rest; found none"),
    # two would take the rest
    ("share = [0.2, 0.5]\n", "",
     "case.toml: scenarios with held = true: exactly one has no share and takes the rest; found soon, late"),
    # shares that leave nothing
    ('share = [0.2, 0.5]\nlabel = "Soon"',
     'share = [0.2, 0.5]\nlabel = "Soon"\n\n[[scenarios]]\nid = "sooner"\nheld = true\nshare = [0.6, 0.9]\nlabel = "Sooner"',
     'case.toml: indicators[1] "ready": chance: says nothing for scenario "sooner"; add it, or otherwise',
     "case.toml: scenarios with held = true: the shares' means add up to 1.11; expected less than 1, so that something is left for the rest"),
    # an opening without a meeting
    ('label = "Never"', 'label = "Never"\ndays_to_open = [10, 20]',
     'case.toml: scenarios[3] "never": only a held scenario has days_to_open'),
    # two forms at once
    ('given = "ready"', 'given = "ready"\nchance = 0.5',
     'case.toml: indicators[2] "says": expected chance, or given, if_true, if_false; not both'),
    # half a form
    ('given = "ready"\n', "",
     'case.toml: indicators[2] "says": expected chance, or all of given, if_true, if_false'),
    # required, with a chance of attending
    ("required = true", "required = true\nattends_if_willing = 0.9",
     'case.toml: actors[3] "host": a required actor attends whenever the meeting is held: leave out attends_if_willing and attends_if_unwilling'),
    # required, and part of another
    ("required = true", 'required = true\npart_of = "guild"',
     'case.toml: actors[3] "host": a required actor is part of no other'),
    # half of the attendance
    ("attends_if_unwilling = 0.1\n", "",
     'case.toml: actors[2] "pilot": expected attends_if_willing and attends_if_unwilling (or required = true)'),
    # --- judgements and numbers ---
    # impossible
    ("if_true = 0.42", "if_true = 0",
     'events.toml: events[2] "house_let": if_true: 0: a probability lies between 0 and 1, both excluded: nothing that is asked about is impossible or certain'),
    # certain
    ("if_true = 0.42", "if_true = 1",
     'events.toml: events[2] "house_let": if_true: 1: a probability lies between 0 and 1, both excluded: nothing that is asked about is impossible or certain'),
    # no probability
    ("if_true = 0.42", "if_true = 1.5",
     'events.toml: events[2] "house_let": if_true: 1.5: a probability lies between 0 and 1, both excluded: nothing that is asked about is impossible or certain'),
    # negative
    ("if_true = 0.42", "if_true = -0.1",
     'events.toml: events[2] "house_let": if_true: -0.1: a probability lies between 0 and 1, both excluded: nothing that is asked about is impossible or certain'),
    # not a number
    ("if_true = 0.42", "if_true = nan",
     'events.toml: events[2] "house_let": if_true: nan: a probability lies between 0 and 1, both excluded: nothing that is asked about is impossible or certain'),
    # infinite
    ("if_true = 0.42", "if_true = inf",
     'events.toml: events[2] "house_let": if_true: inf: a probability lies between 0 and 1, both excluded: nothing that is asked about is impossible or certain'),
    # a misspelt word
    ('late = "likely"', 'late = "likley"',
     'case.toml: indicators[1] "ready": chance.late: "likley": no such word of probability; did you mean "likely"?'),
    # no word of the scale
    ('late = "likely"', 'late = "zebra"',
     'case.toml: indicators[1] "ready": chance.late: "zebra": no such word of probability; the words are remote, very unlikely, unlikely, roughly even, likely, very likely, almost certain'),
    # a number in quotation marks
    ("willing = [0.61, 0.79]", 'willing = "0.7"',
     'case.toml: actors[2] "pilot": willing: "0.7": no such word of probability; the words are remote, very unlikely, unlikely, roughly even, likely, very likely, almost certain'),
    # a boolean
    ("willing = [0.61, 0.79]", "willing = true",
     "case.toml: actors[2] \"pilot\": willing: true: expected a word such as 'likely', a number such as 0.6, or an interval such as [0.5, 0.7]"),
    # an interval, reversed
    ("willing = [0.61, 0.79]", "willing = [0.79, 0.61]",
     'case.toml: actors[2] "pilot": willing: [0.79, 0.61]: the low end of an interval comes first and is the smaller one'),
    # an interval with three ends
    ("willing = [0.61, 0.79]", "willing = [0.61, 0.7, 0.79]",
     "case.toml: actors[2] \"pilot\": willing: [0.61, 0.7, 0.79]: expected a word such as 'likely', a number such as 0.6, or an interval such as [0.5, 0.7]"),
    # a table
    ("held = [0.2, 0.6]", "held = { low = 0.2, high = 0.6 }",
     "case.toml: base_rate: held: a table: expected a word such as 'likely', a number such as 0.6, or an interval such as [0.5, 0.7]"),
    # text for a number
    ("half_life = 60", 'half_life = "60"',
     'case.toml: indicators[2] "says": half_life: "60": expected a number, without quotation marks'),
    # a boolean for a number
    ("half_life = 60", "half_life = true",
     'case.toml: indicators[2] "says": half_life: true: expected a number, without quotation marks'),
    # infinite
    ("half_life = 60", "half_life = inf",
     'case.toml: indicators[2] "says": half_life: inf: expected a finite number'),
    # not positive
    ("half_life = 60", "half_life = 0",
     'case.toml: indicators[2] "says": half_life: 0: expected more than 0'),
    # not a number
    ("days_to_open = [20, 300]", "days_to_open = [20, nan]",
     "case.toml: base_rate: days_to_open[2]: nan: expected a finite number"),
    # one end
    ("days_to_open = [20, 300]", "days_to_open = [20]",
     "case.toml: base_rate: days_to_open: [20]: expected two values in square brackets"),
    # no list
    ("days_to_open = [20, 300]", "days_to_open = 20",
     "case.toml: base_rate: days_to_open: 20: expected a list in square brackets"),
    # reversed
    ("days_to_open = [20, 300]", "days_to_open = [300, 20]",
     "case.toml: base_rate: days_to_open: [300, 20]: the low end of an interval comes first and is the smaller one"),
    # text for a boolean
    ("held = false", 'held = "no"',
     'case.toml: scenarios[3] "never": held: "no": expected true or false, without quotation marks'),
    # text for a whole number
    ("paragraph = 3", 'paragraph = "3"',
     'events.toml: events[2] "house_let": reports[1].article.paragraph: "3": expected a whole number'),
    # counted from 1
    ("paragraph = 3", "paragraph = 0",
     'events.toml: events[2] "house_let": reports[1].article.paragraph: 0: expected 1 or more'),
    # not whole
    ("paragraph = 3", "paragraph = 3.5",
     'events.toml: events[2] "house_let": reports[1].article.paragraph: 3.5: expected a whole number'),
    # a number that Python refuses to print
    ("paragraph = 3", "paragraph = 0x" + "f" * 5000,
     'events.toml: events[2] "house_let": reports[1].article.paragraph: a huge number: expected 100000 or less'),
    # a grade in a small letter
    ('reliability = "C"', 'reliability = "c"',
     'case.toml: sources[1] "crier": reliability: "c": expected "A", "B", "C", "D", "E" or "F"'),
    # the outlets are checked like the rest
    ('name = "The wire"\nreliability = "A"', 'name = "The wire"\nreliability = "Z"',
     'sources.toml: sources[1] "wire": reliability: "Z": expected "A", "B", "C", "D", "E" or "F"'),
    # a number for text
    ('title = "Harbour talks"', "title = 3",
     "case.toml: question: title: 3: expected text in quotation marks"),
    # blanks only
    ('title = "Harbour talks"', 'title = "  "',
     'case.toml: question: title: "  ": expected some text'),
    # too long: cut where it is repeated
    ('title = "Harbour talks"', 'title = "' + "x" * 5000 + '"',
     'case.toml: question: title: "' + "x" * 75 + " ...: expected at most 4000 characters"),
    # a table for text, 3000 tables deep
    ('title = "Harbour talks"', "title" + ".a" * 3000 + " = 1",
     "case.toml: question: title: a table: expected text in quotation marks"),
    # --- dates ---
    # in words
    ("as_of = 2020-02-01", 'as_of = "1 February 2020"',
     'case.toml: question: as_of: "1 February 2020": expected a day such as 2014-12-04, without a time or quotation marks'),
    # in digits: seconds since 1970, to some
    ("as_of = 2020-02-01", 'as_of = "20200201"',
     'case.toml: question: as_of: "20200201": expected a day such as 2014-12-04, without a time or quotation marks'),
    # no such day, in quotation marks
    ("as_of = 2020-02-01", 'as_of = "2020-02-30"',
     'case.toml: question: as_of: "2020-02-30": expected a day such as 2014-12-04, without a time or quotation marks'),
    # a time
    ("as_of = 2020-02-01", "as_of = 2020-02-01T12:00:00",
     "case.toml: question: as_of: 2020-02-01 12:00:00: expected a day such as 2014-12-04, without a time or quotation marks"),
    # a number
    ("as_of = 2020-02-01", "as_of = 20200201",
     "case.toml: question: as_of: 20200201: expected a day such as 2014-12-04, without a time or quotation marks"),
    # as of a day before the proposal
    ("as_of = 2020-02-01", "as_of = 2019-12-31",
     "case.toml: question: as_of: 2019-12-31 is before proposed, 2020-01-01"),
    # a deadline that is past
    ("deadlines = [2020-03-01, 2020-06-01]", "deadlines = [2020-01-31, 2020-06-01]",
     "case.toml: question: deadlines: 2020-01-31 is not after as_of, 2020-02-01"),
    # deadlines out of order
    ("deadlines = [2020-03-01, 2020-06-01]", "deadlines = [2020-06-01, 2020-03-01]",
     "case.toml: question: deadlines: 2020-03-01 is not after the deadline before it, 2020-06-01"),
    # one deadline twice
    ("deadlines = [2020-03-01, 2020-06-01]", "deadlines = [2020-03-01, 2020-03-01]",
     "case.toml: question: deadlines: 2020-03-01 is not after the deadline before it, 2020-03-01"),
    # one deadline, no list
    ("deadlines = [2020-03-01, 2020-06-01]", "deadlines = 2020-03-01",
     "case.toml: question: deadlines: 2020-03-01: expected a list in square brackets"),
    # no deadline
    ("deadlines = [2020-03-01, 2020-06-01]", "deadlines = []",
     "case.toml: question: deadlines: []: expected at least one entry"),
    # a horizon too near
    ("horizon = 2021-01-01", "horizon = 2020-05-01",
     "case.toml: question: horizon: 2020-05-01 is before the last deadline, 2020-06-01"),
    # a horizon too far, and a day beyond all calendars here
    ("horizon = 2021-01-01", "horizon = 2120-01-01",
     "case.toml: question: horizon: 2120-01-01 is more than 18,300 days after proposed, 2020-01-01"),
    ("horizon = 2021-01-01", "horizon = 9999-12-31",
     "case.toml: question: horizon: 9999-12-31: expected a day from 1700-01-01 to 2200-12-31"),
    # a headline that is no deadline
    ("horizon = 2021-01-01", "horizon = 2021-01-01\nheadline = 2020-04-01",
     "case.toml: question: headline: 2020-04-01 is none of the deadlines"),
    # reported before it happened
    ("published = 2020-01-11", "published = 2020-01-09",
     'events.toml: events[1] "host_declares": reports[1].published: 2020-01-09 is before the event, 2020-01-10'),
    # a passage that could not be read yet: by the report, by the judgement
    ("published = 2020-01-14", "published = 2020-01-16",
     'events.toml: events[2] "house_let": reports[1].article.document: "gazette" was published on 2020-01-16, after this report\'s day, 2020-01-15'),
    ("published = 2020-01-14", "published = 2020-02-02",
     'case.toml: indicators[1] "ready": article.document: "gazette" was published on 2020-02-02, after as_of, 2020-02-01',
     'events.toml: events[2] "house_let": reports[1].article.document: "gazette" was published on 2020-02-02, after this report\'s day, 2020-01-15'),
    # it would open after the horizon
    ("days_to_open = [20, 300]", "days_to_open = [400, 900]",
     "case.toml: base_rate: days_to_open: 400 days or more; the horizon, 2021-01-01, is 366 days after proposed: expected the low end before it"),
    # an answer after the day of its watch
    ("date = 2020-01-20", "date = 2020-01-26",
     'events.toml: events[3] "guild_refuses": reports[1].published: 2020-01-21 is before the event, 2020-01-26',
     'events.toml: events[3] "guild_refuses": date: 2020-01-26 is after 2020-01-25, the day of "guild_declines": it was not seen by then; let the silence stand, and code this as an event of its own'),
    # an answer that says no more than the silence
    ('published = 2020-01-21, url', 'published = 2020-01-21, denies = true, url',
     'events.toml: events[3] "guild_refuses": answers: that "guild_declines" did not happen is what its silence says: expected a report that affirms it, or no answers'),
    # per cent
    ("if_true = 0.42", "if_true = 42",
     'events.toml: events[2] "house_let": if_true: 42: a probability lies between 0 and 1, both excluded: 42 per cent is written 0.42'),
    ("held = [0.2, 0.6]", "held = [20, 60]",
     "case.toml: base_rate: held: [20, 60]: the ends of an interval lie between 0 and 1, both excluded: per cent are written [0.2, 0.6]"),
    # a class that the table does not have; its codes are spelt with _ and with -
    ("held = [0.2, 0.6]\ndays_to_open = [20, 300]", 'reference_class = "peace_talks"\nstage = "floated"\nconvener_type = "neutral_state"\nrow_type = "relunch"\nconflict = "x"',
     'case.toml: base_rate: convener_type: "neutral_state": expected "state-patron-of-belligerent", "neutral-state", "regional-org", "UN", "US-led", "domestic" or "other"; did you mean "neutral-state"?',
     'case.toml: base_rate: row_type: "relunch": expected "new_initiative", "follow_up_round", "relaunch", "bilateral_summit", "opposition_only", "states_only", "consultation" or "other"; did you mean "relaunch"?'),
    # a period, reversed
    ("date = [2020-01-12, 2020-01-14]", "date = [2020-01-14, 2020-01-12]",
     'events.toml: events[2] "house_let": date: [2020-01-14, 2020-01-12]: the earlier or smaller end comes first'),
    # a period with three ends
    ("date = [2020-01-12, 2020-01-14]", "date = [2020-01-12, 2020-01-13, 2020-01-14]",
     'events.toml: events[2] "house_let": date: [2020-01-12, 2020-01-13, 2020-01-14]: expected two values in square brackets'),
    # a period in words
    ("date = [2020-01-12, 2020-01-14]", 'date = "mid January"',
     'events.toml: events[2] "house_let": date: "mid January": expected a day such as 2014-12-04, without a time or quotation marks'),
    # a watch beyond the horizon
    ("by = 2020-01-25", "by = 2021-01-25",
     'case.toml: watch[1] "guild_declines": by: 2021-01-25 is not between proposed, 2020-01-01, and horizon, 2021-01-01'),
    # --- events, reports, watches ---
    # nobody says so
    ('{ source = "wire", published = 2020-01-21, url', "{ published = 2020-01-21, url",
     'events.toml: events[3] "guild_refuses": reports[1].source: missing'),
    # a number for a source
    ('source = { name = "A clerk", reliability = "D" }', "source = 3",
     'events.toml: events[2] "house_let": reports[2].source: 3: expected the id of a source, or a table with id, name, reliability, why, url'),
    # a source in place, wrong grade
    ('source = { name = "A clerk", reliability = "D" }',
     'source = { name = "A clerk", reliability = "G" }',
     'events.toml: events[2] "house_let": reports[2].source.reliability: "G": expected "A", "B", "C", "D", "E" or "F"'),
    # a source in place, two mistakes
    ('source = { name = "A clerk", reliability = "D" }', 'source = { nam = "A clerk" }',
     'events.toml: events[2] "house_let": reports[2].source.reliability: missing',
     'events.toml: events[2] "house_let": reports[2].source.nam: unknown key; did you mean "name"?'),
    # a name where an id belongs
    ('source = { name = "A clerk", reliability = "D" }', 'source = "A clerk"',
     'events.toml: events[2] "house_let": reports[2].source: "A clerk": expected lower case letters, digits and underscores, first a letter, such as "a_clerk"'),
    # a number in via
    ('via = "wire"', 'via = ["wire", 3]',
     'events.toml: events[1] "host_declares": reports[1].via[2]: 3: expected the id of a source, or a table with id, name, reliability, why, url'),
    # no report: an empty list
    ('reports = [{ source = "wire", published = 2020-01-21, url = "https://example.org" }]',
     "reports = []",
     'events.toml: events[3] "guild_refuses": reports: []: expected at least one entry'),
    # no report: none
    ('reports = [{ source = "wire", published = 2020-01-21, url = "https://example.org" }]', "",
     'events.toml: events[3] "guild_refuses": reports: missing'),
    # a text for a report
    ('reports = [{ source = "wire", published = 2020-01-21, url = "https://example.org" }]',
     'reports = ["wire"]',
     'events.toml: events[3] "guild_refuses": reports[1]: "wire": expected a table with source, via, published, origin, article, url, denies'),
    # one report, no list
    ('reports = [{ source = "wire", published = 2020-01-21, url = "https://example.org" }]',
     'reports = { source = "wire", published = 2020-01-21 }',
     'events.toml: events[3] "guild_refuses": reports: a table: expected a list in square brackets'),
    # a blank with a misspelt name
    ('text = "Will the harbour talks open by {deadline}?"', 'text = "Will the harbour talks open by {dealine}?"',
     'case.toml: question: text: "Will the harbour talks open by {dealine}?": only {deadline} is filled in; found {dealine}'),
    # an address that is none of the web
    ('reports = [{ source = "wire", published = 2020-01-21, url = "https://example.org" }]', 'reports = [{ source = "wire", published = 2020-01-21, url = "javascript:alert(1)" }]',
     'events.toml: events[3] "guild_refuses": reports[1].url: "javascript:alert(1)": an address starts with http:// or https://'),
    # nine words of a source
    ('locator = "the host is ready"', 'locator = "one two three four five six seven eight nine"',
     'case.toml: indicators[1] "ready": article.locator: "one two three four five six seven eight nine": a locator has at most eight words: it finds a passage, it does not quote'),
    # a text for a passage
    ('article = { document = "gazette", paragraph = 3 }', 'article = "gazette 3"',
     'events.toml: events[2] "house_let": reports[1].article: "gazette 3": expected a table with document, paragraph, locator'),
    # half a passage
    ('article = { document = "gazette", paragraph = 3 }', 'article = { document = "gazette" }',
     'events.toml: events[2] "house_let": reports[1].article.paragraph: missing'),
    # an empty reason
    ('why = "It is his harbour."', 'why = ""',
     'case.toml: actors[3] "host": why: "": expected some text'),
    # no reason
    ('why = "It is his harbour."', "",
     'case.toml: actors[3] "host": why: missing'),
    # one origin, both ways
    ('source = { name = "A clerk", reliability = "D" }', 'source = "wire"\ndenies = true',
     'events.toml: events[2] "house_let": reports: the origin "wire" both affirms and denies it: give the reports their own origins'),
    # no likelihoods
    ('type = "declaration"\n', "",
     'events.toml: events[1] "host_declares": expected a type, or if_true and if_false, or the watch it answers'),
    # only one
    ("if_false = 0.11\n", "",
     'events.toml: events[2] "house_let": expected both if_true and if_false, or neither'),
    # own likelihoods without a reason
    ('why = "A house costs money."\n', "",
     'events.toml: events[2] "house_let": likelihoods of its own need a why'),
    # evidence on nothing
    ('bears_on = "ready"\n', "",
     'events.toml: events[2] "house_let": expected bears_on: the indicator or actor that it speaks of'),
    # own likelihoods against the type's direction
    ('bears_on = "ready"\nif_true = 0.42\nif_false = 0.11',
     'type = "declaration"\nbears_on = "ready"\nif_true = 0.11\nif_false = 0.42',
     'events.toml: events[2] "house_let": if_true: the type "declaration" speaks for, these likelihoods the other way'),
    # a type against its direction
    ('direction = "for"', 'direction = "against"',
     'event_types.toml: event_types[1] "declaration": direction: "against", but if_true has mean 0.60 and if_false 0.40'),
    # a ratio that the words do not have
    ("ratio = 1.5", "ratio = 2.5",
     'event_types.toml: event_types[1] "declaration": ratio: 2.5, but the means have ratio 1.50'),
    # a ratio the wrong way up
    ("ratio = 1.5", "ratio = 0.67",
     'event_types.toml: event_types[1] "declaration": ratio: 0.67: expected more than 1'),
    # a direction that there is not
    ('direction = "for"', 'direction = "pro"',
     'event_types.toml: event_types[1] "declaration": direction: "pro": expected "for" or "against"'),
    # answers a watch on someone else
    ('answers = "guild_declines"', 'answers = "guild_declines"\nbears_on = "pilot"',
     'events.toml: events[3] "guild_refuses": bears_on: "pilot", but the watch it answers bears on "guild"'),
    # answers, with likelihoods
    ('answers = "guild_declines"', 'answers = "guild_declines"\ntype="declaration"',
     "events.toml: events[3] \"guild_refuses\": answers: the likelihoods are the watch's, judged beforehand: leave out type, if_true and if_false"),
    # one watch, two answers: it would count twice
    ('bears_on = "says"\ntype = "declaration"', 'answers = "guild_declines"',
     'events.toml: events[3] "guild_refuses": answers: "guild_declines" is already answered by events[1] "host_declares"'),
    # answers what would be an announcement
    ('bears_on = "guild"\nif_true = 0.04\nif_false = 0.52', "announces = true",
     'events.toml: events[3] "guild_refuses": answers: "guild_declines" would be an announcement'),
    # an announcement with likelihoods
    ("if_false = 0.52", "if_false = 0.52\nannounces = true",
     'case.toml: watch[1] "guild_declines": a watch that announces is no evidence on an indicator: leave out bears_on, if_true and if_false'),
    # half of the likelihoods
    ("if_false = 0.52\n", "",
     'case.toml: watch[1] "guild_declines": expected bears_on, if_true and if_false (or announces = true)'),
    # --- text that would repaint a terminal ---
    # in an id, and where it is suggested
    ('id = "late"', 'id = "la\\u001b[31mte"',
     'case.toml: scenarios[2] "la?[31mte": id: "la?[31mte": expected lower case letters, digits and underscores, first a letter, such as "la_31mte"',
     'case.toml: indicators[1] "ready": chance.late: no scenario "late"; did you mean "la?[31mte"?'),
    # in a key of a table
    ('late = "likely"', '"la\\u001b[31mte" = "likely"',
     'case.toml: indicators[1] "ready": chance.la?[31mte: no scenario "la?[31mte"; did you mean "late"?'),
    # in a word
    ('late = "likely"', 'late = "lik\\u001b[31mely"',
     'case.toml: indicators[1] "ready": chance.late: "lik?[31mely": no such word of probability; did you mean "likely"?'),
    # in a header
    ("[base_rate]", '["\\u001b]0;base_rate"]\nx = 1\n\n[base_rate]',
     'case.toml: ?]0;base_rate: unknown key; did you mean "base_rate"?'),
    # a right-to-left override and a bell in a name
    ('source = { name = "A clerk", reliability = "D" }\npublished = 2020-01-16',
     'source = { name = "A\\u202eclerk\\u0007", reliability = "D" }\npublished = 2020-01-16\n\n[[events.reports]]\nsource = { name = "A\\u202eclerk\\u0007", reliability = "D" }\ndenies = true\npublished = 2020-01-16',
     'events.toml: events[2] "house_let": reports: the origin "A?clerk?" both affirms and denies it: give the reports their own origins'),
    # --- what is not TOML ---
    # an inline table over several lines
    ("willing = { held = 0.7, otherwise = 0.3 }", "willing = {\n  held = 0.7,\n  otherwise = 0.3,\n}",
     "case.toml: line 53: an inline table { ... } has to stand on one line; put it on one line, or write its keys below a [header] of their own"),
    # broken after the first key
    ("willing = { held = 0.7, otherwise = 0.3 }", "willing = { held = 0.7,\n  otherwise = 0.3 }",
     "case.toml: line 53: an inline table { ... } has to stand on one line; put it on one line, or write its keys below a [header] of their own"),
    # broken inside a list
    ('reports = [{ source = "wire", published = 2020-01-21, url = "https://example.org" }]',
     'reports = [\n  { source = "wire",\n    published = 2020-01-21 },\n]',
     "events.toml: line 33: an inline table { ... } has to stand on one line; put it on one line, or write its keys below a [header] of their own"),
    # a comma too many is another thing
    ("willing = { held = 0.7, otherwise = 0.3 }", "willing = { held = 0.7, otherwise = 0.3, }",
     "case.toml: line 53: willing = { held = 0.7, otherwise = 0.3, }: not TOML: invalid initial character for a key part; no comma before a closing brace"),
    # so is a brace in a text
    ('what = "The guild refuses."', 'what = "The guild { refuses."\nx = y',
     "events.toml: line 31: x = y: not TOML: invalid value; text stands in quotation marks"),
    # no quotation marks
    ('late = "likely"', "late = likely",
     "case.toml: line 38: late = likely: not TOML: invalid value; text stands in quotation marks"),
    # curly quotation marks
    ('late = "likely"', "late = “likely”",
     'case.toml: line 38: late = “likely”: not TOML: invalid value; the quotation marks of TOML are straight: "..."'),
    # Python's False
    ("held = false", "held = False",
     "case.toml: line 28: held = False: not TOML: invalid value; true and false are in small letters"),
    # a day without zeros
    ("as_of = 2020-02-01", "as_of = 2020-2-1",
     "case.toml: line 6: as_of = 2020-2-1: not TOML: expected newline or end of document after a statement; a day is written 2014-12-04"),
    # no such day
    ("as_of = 2020-02-01", "as_of = 2020-02-30",
     "case.toml: line 6: as_of = 2020-02-30: not TOML: invalid date or datetime; a day is written 2014-12-04"),
    # a decimal comma
    ("if_true = 0.42", "if_true = 0,42",
     "events.toml: line 14: if_true = 0,42: not TOML: expected newline or end of document after a statement; a probability is written as in 0.6"),
    # a percentage
    ("if_true = 0.42", "if_true = 42%",
     "events.toml: line 14: if_true = 42%: not TOML: expected newline or end of document after a statement; a probability is written as in 0.6"),
    # a number that starts with its point
    ("if_true = 0.42", "if_true = .42",
     "events.toml: line 14: if_true = .42: not TOML: invalid value; a probability is written as in 0.6"),
    # a key twice
    ('id = "late"', 'id = "late"\nid = "later"',
     'case.toml: line 23: id = "later": not TOML: cannot overwrite a value; the key or header stands there twice'),
    # a header twice
    ("[base_rate]", "[question]\n[base_rate]",
     "case.toml: line 10: [question]: not TOML: cannot declare ('question',) twice; the header stands there twice; of several entries each has [[two brackets]]"),
    # a colon
    ('id = "late"', 'id: "late"',
     "case.toml: line 22: id: \"late\": not TOML: expected '=' after a key in a key/value pair; a line is key = value"),
    # an open quotation mark
    ('label = "Late"', 'label = "Late',
     "case.toml: line 24: label = \"Late: not TOML: illegal character '\\n'; close the quotation mark on its line, or use three of them"),
    # a backslash
    ('label = "Late"', 'label = "La\\te\\x"',
     "case.toml: line 24: label = \"La\\te\\x\": not TOML: unescaped '\\' in a string; a backslash is written \\\\"),
    # a raw escape
    ('label = "Late"', 'label = "La\x1b[31mte"',
     "case.toml: line 24: label = \"La?[31mte\": not TOML: illegal character '\\x1b'"),
    # a bracket that is never closed
    ("if_false = 0.52", "if_false = [0.5",
     "case.toml: not TOML: unclosed array, at the end of the file; is a quotation mark or a bracket missing?"),
    # nested 5000 deep
    ("half_life = 60", "half_life = " + "[" * 5000 + "]" * 5000,
     "case.toml: not TOML: nested too deeply"),
    # a number that Python refuses to read
    ("half_life = 60", "half_life = " + "9" * 5000,
     "case.toml: not TOML: a number has too many digits"),
)
# fmt: on
