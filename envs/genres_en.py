"""How the English news of the builtin world is told: eight genres, each one table of templates."""

from __future__ import annotations

from tokengym.envs import events_en
from tokengym.envs.genre import Genre, Question

__all__ = ["ENGLISH"]

ENGLISH: tuple[Genre, ...] = (
    Genre(
        name="disaster",
        slots=events_en.disaster,
        facts=("kind", "place", "hurt", "cause"),
        leads=(
            "[People|Residents|Families] in {place} [are counting the damage|had a frightening night|are still in shock] after a {kind} on {day}.",
            "A {kind} [hit|struck|shook] {place} [on {day}|late on {day}|early on {day}], [and help is on its way|and rescue teams worked for hours].",
        ),
        body=(
            (
                "[Doctors|Hospitals|Medical teams] [said|reported that] {hurt} people were [hurt|injured].",
                "At least {hurt} people were [hurt|injured], [officials|police] said.",
            ),
            (
                "[Experts|Investigators|Engineers] [say|believe] {cause} [was the cause|was to blame|started it].",
                "The cause was {cause}, [according to|said] [investigators|the fire service|the police].",
            ),
            (
                "About {moved} people [had to leave their homes|were taken to shelters|spent the night in a school].",
                "Some {moved} residents [were moved to safety|slept in a sports hall].",
            ),
        ),
        extra=(
            "A {kind} in {near} in {year} [hurt|injured] {oldhurt} people.",
            "In {year}, {other} [led to|caused] a similar {kind} in {near}, with {oldhurt} people injured.",
            "[At first|Early reports said that] {other} [was suspected|was to blame], [but that proved wrong|which officials have ruled out].",
            '"We have never seen anything like it," said {person}, who lives [nearby|in the area|on the same street].',
        ),
        recap=(
            "[Last week|Days ago|Earlier], a {kind} caused by {cause} [hurt|injured] {hurt} people in {place}.",
            "[Repairs go on|Life is slowly returning to normal] in {place}, where {cause} led to a {kind} and {hurt} people were [hurt|injured].",
        ),
        summary=(
            "A {kind} in {place} caused by {cause} injured {hurt} people.",
            "{hurt} people were injured in {place} by a {kind} caused by {cause}.",
        ),
        vague=("A {kind} caused damage and people were hurt.", "People had a bad night after a {kind}."),
        wrong={"hurt": "oldhurt", "cause": "other", "place": "near"},
        questions=(
            Question(
                "How many people were [hurt|injured] in {place}?",
                "hurt",
                "oldhurt",
                "The report says that {hurt} people were injured there.",
            ),
            Question("What caused the {kind} in {place}?", "cause", "other", "According to the report, the cause was {cause}."),
            Question("Where did the {kind} of {day} happen?", "place", "near", "The report says that it happened in {place}."),
            Question("How many people had to leave their homes?", "moved", "hurt", "The report says that it was about {moved} people."),
        ),
    ),
    Genre(
        name="business",
        slots=events_en.business,
        facts=("firm", "what", "place", "jobs"),
        leads=(
            "[Good news for|A boost for|New hope for] [workers|job seekers|the economy] in {place}: a {what} is coming.",
            "{firm} [has big plans|is growing|wants to expand], [its managers said|the company said] in {month}.",
        ),
        body=(
            ("{firm} [will build|plans to open|is going to open] a {what} in {place}.", "A new {what} will be built in {place} by {firm}."),
            ("It will [create|bring|offer] {jobs} jobs.", "[Some|About|Around] {jobs} people will [find work|be hired] there."),
            (
                "The company will [spend|invest] {money} million [on it|on the project|in the site].",
                "The project costs {money} million, [according to|said] director {person}.",
            ),
        ),
        extra=(
            "{rival} [cut|axed] {oldjobs} jobs in {near} last year.",
            "{near} [had hoped to win|also wanted] the {what}, [but lost|without success].",
            "[Unlike|In contrast to] {rival}, which closed a site with {oldjobs} workers, the company [is doing well|makes a profit].",
            '"This is a great day for us," said {person}, the [head of the company|director].',
        ),
        recap=(
            "[Work has begun|Building goes on] at the {what} of {firm} in {place}, which will employ {jobs} people.",
            "[Hundreds applied|Many have applied] for the {jobs} jobs at the {what} that {firm} is building in {place}.",
        ),
        summary=("{firm} will open a {what} in {place} with {jobs} jobs.", "A {what} of {firm} will bring {jobs} jobs to {place}."),
        vague=("A company will open a new site and hire people.", "A {what} will create new jobs."),
        wrong={"jobs": "oldjobs", "firm": "rival", "place": "near"},
        questions=(
            Question("How many jobs will the {what} bring?", "jobs", "oldjobs", "The report says that it will bring {jobs} jobs."),
            Question("Which company will open the {what}?", "firm", "rival", "According to the report, the company is {firm}."),
            Question("Where will the {what} be built?", "place", "near", "The report says that it will be built in {place}."),
            Question("How many million will be invested?", "money", "jobs", "According to the report, it is {money} million."),
        ),
    ),
    Genre(
        name="sport",
        slots=events_en.sport,
        facts=("team", "rival", "score", "person"),
        leads=(
            "[Fans|Supporters] of {team} [had a reason to sing|celebrated|were overjoyed] on {day}.",
            "[It was a bitter|It was a sad|It was a hard] {day} for {rival}.",
        ),
        body=(
            ("{team} [beat|defeated] {rival} {score}.", "{rival} lost {score} to {team}."),
            (
                "{person} scored the [decisive|winning|deciding] goal in minute {minute}.",
                "The [winning|deciding] goal came from {person} in minute {minute}.",
            ),
            ("A crowd of {crowd} [watched|saw] the [match|game].", "The [match|game] was seen by {crowd} [people|fans]."),
        ),
        extra=(
            "The last [match|game] between the two ended {oldscore}.",
            '"We were not good enough," said {coach}, the coach of the losing [team|side].',
            "{coach} [missed a penalty|was sent off|hit the post] [in the first half|before the break].",
            "At the break, {rival} had been [ahead|in front], and {coach} had [missed|wasted] a penalty.",
        ),
        recap=(
            "[A week ago|Last time], a goal by {person} gave {team} a {score} win over {rival}.",
            "{team}, who beat {rival} {score} with a goal by {person}, [play again on {day}|are now second in the league].",
        ),
        summary=(
            "{team} beat {rival} {score} with the winning goal by {person}.",
            "{person} scored the winning goal as {team} beat {rival} {score}.",
        ),
        vague=("The home team won the match.", "Fans saw an exciting match."),
        wrong={"score": "oldscore", "person": "coach"},
        questions=(
            Question("Who scored the winning goal?", "person", "coach", "The winning goal was scored by {person}."),
            Question("What was the score of the match?", "score", "oldscore", "According to the report, the match ended {score}."),
            Question("Which team won?", "team", "rival", "The report says that the match was won by {team}."),
            Question("How many people watched the match?", "crowd", "minute", "The report says that {crowd} people watched it."),
        ),
    ),
    Genre(
        name="council",
        slots=events_en.council,
        facts=("place", "what", "cost", "month"),
        leads=(
            "[After a long debate|After years of talks|After months of argument], the council of {place} has [decided|voted].",
            "[It is settled|The decision is made]: {place} will get its {what}.",
        ),
        body=(
            ("The [plan|motion] for a {what} was approved by {vote}.", "By {vote}, [the members|the council] voted for a {what}."),
            ("It will cost {cost} million.", "The [price|bill] is {cost} million, [said|according to] mayor {mayor}."),
            ("[Work|Building] will [begin|start] in {month}.", "The first [stone will be laid|workers will arrive] in {month}."),
        ),
        extra=(
            "{near} [paid|spent] {oldcost} million for [its own|a similar one].",
            "{critic} [called it|said it was] a waste of money and [asked for a delay until|wanted to wait until] {late}.",
            "An [earlier|older] plan of {oldcost} million [had failed|was rejected] in {late}.",
            '"This will change our town," said mayor {mayor}.',
        ),
        recap=(
            "[The streets are closed|Everything is ready] in {place}, where a {what} for {cost} million will be started in {month}.",
            "The {what} that {place} [approved|voted for], at a cost of {cost} million, will be begun in {month}.",
        ),
        summary=(
            "{place} will build a {what} for {cost} million from {month}.",
            "From {month}, {place} will build a {what} for {cost} million.",
        ),
        vague=("The council made a decision after a long debate.", "The town will get a {what}."),
        wrong={"cost": "oldcost", "month": "late", "place": "near"},
        questions=(
            Question("How many million will the {what} cost?", "cost", "oldcost", "According to the report, it will cost {cost} million."),
            Question("When will work [begin|start]?", "month", "late", "The report says that work will start in {month}."),
            Question("Who is the mayor of {place}?", "mayor", "critic", "According to the report, the mayor is {mayor}."),
            Question("Which town will get a {what}?", "place", "near", "The report says that the town is {place}."),
        ),
    ),
    Genre(
        name="science",
        slots=events_en.science,
        facts=("place", "habit", "what", "cut"),
        leads=(
            "[Can {habit} help|Is there help] against {what}? [Researchers|Scientists] [have an answer|now know more].",
            "[Many people|Millions of people] suffer from {what}, and [there may be hope|a new study gives hope].",
        ),
        body=(
            (
                "[Researchers|Scientists] at the University of {place} [tested|studied] {habit}.",
                "A [team|group] at the University of {place} [looked at|tested] {habit}.",
            ),
            ("{what} [fell|dropped|went down] by {cut} percent.", "They found {cut} percent less {what}."),
            (
                "The study [followed|had] {sample} people, [said|according to] its leader {person}.",
                "{person}, who led the study, [followed|watched] {sample} people.",
            ),
        ),
        extra=(
            "[An older|A smaller] study in {near} found only {oldcut} percent, with {habit2}.",
            "{doubter}, who was not part of the study, [asks for|wants] more [tests|data].",
            "{doubter} of the University of {near} [prefers|recommends] {habit2}.",
            '"The result surprised us," said {person}.',
        ),
        recap=(
            "[Doctors now recommend {habit}|Interest in {habit} is growing] since a study in {place} found {cut} percent less {what}.",
            "In {place}, {habit} cut {what} by {cut} percent, [as reported|as we wrote].",
        ),
        summary=(
            "A study in {place} found that {habit} cut {what} by {cut} percent.",
            "{habit} cut {what} by {cut} percent in a study in {place}.",
        ),
        vague=("A study gives hope to many people.", "Researchers studied {what}."),
        wrong={"cut": "oldcut", "habit": "habit2", "place": "near"},
        questions=(
            Question("By how many percent did {what} fall?", "cut", "oldcut", "According to the report, it fell by {cut} percent."),
            Question("What did the researchers in {place} test?", "habit", "habit2", "The report says that they tested {habit}."),
            Question("Who led the study?", "person", "doubter", "According to the report, the study was led by {person}."),
            Question("How many people took part in the study?", "sample", "cut", "The report says that {sample} people took part."),
        ),
    ),
    Genre(
        name="culture",
        slots=events_en.culture,
        facts=("what", "place", "day", "guests"),
        leads=(
            "[The stage is set|The tents are up|Everything is ready] in {place}.",
            "[Visitors|Guests] from [near and far|many countries] are on their way to a {what}.",
        ),
        body=(
            ("The {what} in {place} [opens|begins|starts] on {day}.", "On {day}, the {what} [opens|begins] in {place}."),
            ("[The organizers|The hosts] expect {guests} [visitors|guests].", "[About|Some] {guests} [visitors|guests] are expected."),
            ("{firm} [pays for it|is the sponsor].", "The sponsor is {firm}, [as in the past|again]."),
        ),
        extra=(
            "Last year, {oldguests} [people|guests] came to a similar event in {near}.",
            "{star} will [sing|read|speak] on {day2}, and tickets are [sold out|rare].",
            '"We have worked a whole year for this," said {person}, who runs the event.',
            "The {what} in {near}, which [ended|closed] on {day2}, had {oldguests} [visitors|guests].",
        ),
        recap=(
            "[It was a success|Rain did not matter]: {guests} guests came to the {what} that {place} opened on {day}.",
            "The {what}, for which {place} expected {guests} guests on {day}, [is over|was loud and happy].",
        ),
        summary=("A {what} with {guests} guests opens in {place} on {day}.", "On {day}, {place} opens a {what} with {guests} guests."),
        vague=("Visitors are looking forward to an event.", "A {what} will be held and many will come."),
        wrong={"guests": "oldguests", "day": "day2", "place": "near"},
        questions=(
            Question(
                "How many guests are expected in {place}?", "guests", "oldguests", "According to the report, {guests} guests are expected."
            ),
            Question("When does the {what} in {place} open?", "day", "day2", "The report says that it opens on {day}."),
            Question("Who is the sponsor?", "firm", "person", "According to the report, the sponsor is {firm}."),
            Question("Where does the {what} open on {day}?", "place", "near", "The report says that it opens in {place}."),
        ),
    ),
    Genre(
        name="crime",
        slots=events_en.crime,
        facts=("count", "what", "worth", "place"),
        leads=(
            "[The police|Detectives] [have solved|closed] a case that [puzzled|worried] {place} for [weeks|months].",
            "[The owner of|Everybody at] a {site} [can breathe again|is relieved]: the missing {what} are back.",
        ),
        body=(
            ("[Detectives|The police] arrested {count} [suspects|people] on {day}.", "On {day}, {count} [suspects|people] were arrested."),
            ("The {what} are worth {worth}.", "The value of the {what} is {worth}."),
            (
                "They had been [stolen|taken] from a {site} in {place}.",
                "The [thieves|burglars] had [stolen|taken] them from a {site} in {place}.",
            ),
        ),
        extra=(
            "Last year, {oldcount} people were [caught|jailed] in {near} with goods worth {oldworth}.",
            "Detective {person} [led the search|thanked a witness].",
            '"I had given up hope," said {owner}, [the owner|who works there].',
            "A gang of {oldcount} had [stolen|taken] goods worth {oldworth} in {near}.",
        ),
        recap=(
            "[In court|At the trial], the {count} people accused of stealing {what} worth {worth} in {place} [said nothing|denied it].",
            "The {what} worth {worth}, for which {count} people were arrested, [are on show|can be seen] in {place} again.",
        ),
        summary=(
            "Police arrested {count} people for stealing {what} worth {worth} in {place}.",
            "{count} people were arrested for stealing {what} worth {worth} in {place}.",
        ),
        vague=("The police solved a case.", "Stolen {what} were found."),
        wrong={"worth": "oldworth", "count": "oldcount", "place": "near"},
        questions=(
            Question(
                "How many people were arrested on {day}?", "count", "oldcount", "According to the report, {count} people were arrested."
            ),
            Question("How much are the {what} worth?", "worth", "oldworth", "The report says that they are worth {worth}."),
            Question("Where were the {what} stolen?", "place", "near", "The report says that they were stolen in {place}."),
            Question("When were the suspects arrested?", "day", "place", "According to the report, it was on {day}."),
        ),
    ),
    Genre(
        name="transport",
        slots=events_en.rail,
        facts=("what", "place", "end", "fast"),
        leads=(
            "[Travelers|Commuters] in {place} [will soon save time|can look forward to faster trips].",
            "A [long wait|dream] is [coming to an end|coming true] for [travelers|commuters]: the {what} is [finished|ready].",
        ),
        body=(
            ("A new {what} [links|connects] {place} with {end}.", "The {what} [runs|goes] from {place} to {end}."),
            ("The trip [takes|lasts] {fast} minutes.", "[Travelers|Passengers] need only {fast} minutes."),
            ("{firm} [runs|operates] it from {month}.", "It [opens|starts] in {month} and is run by {firm}."),
        ),
        extra=(
            "[Until now|Before], [the trip took|one needed] {slow} minutes, via {near}.",
            "An opening in {late} had [failed|been delayed] because of the [cost|weather].",
            '"I will use it every day," said {person} from {near}.',
            "It is {length} kilometers long and cost {cost} million.",
        ),
        recap=(
            "The {what} from {place} to {end}, a trip of {fast} minutes, [is popular|was full every day].",
            "[Many like it|A million trips]: the {what} takes people from {place} to {end} in {fast} minutes.",
        ),
        summary=(
            "A new {what} links {place} with {end} in {fast} minutes.",
            "{place} and {end} are linked in {fast} minutes by a new {what}.",
        ),
        vague=("Travelers will save time.", "A new {what} is ready."),
        wrong={"fast": "slow", "end": "near"},
        questions=(
            Question("How many minutes does the trip take now?", "fast", "slow", "According to the report, it takes {fast} minutes."),
            Question("Which town does the {what} link with {place}?", "end", "near", "The report says that it is linked with {end}."),
            Question("Who runs the {what}?", "firm", "person", "According to the report, it is run by {firm}."),
            Question("When does the {what} open?", "month", "late", "The report says that it opens in {month}."),
        ),
    ),
)
