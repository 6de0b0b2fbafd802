"""What has been measured, kept in a file a row, so that a table can be made in portions. Figures of another Octet, other peers or
another machine are not taken up again."""
import datetime
import json


class OutOfTime(Exception):
    pass


class Budget:
    """Seconds that this run may last; what would not fit is left for the next run."""

    def __init__(self, seconds, clock):
        self.clock = clock
        self.end = None if seconds is None else clock() + seconds

    def require(self, expected_s):
        if self.end is not None and self.clock() + expected_s > self.end:
            raise OutOfTime


def file_of(folder, row):
    return folder / (row.name.replace("/", "-") + ".json")


def read(folder, row):
    """The data as it is, whatever it holds for; None if there is none."""
    file = file_of(folder, row)
    return json.loads(file.read_text()) if file.exists() else None


class Record:
    """`conditions`: {contestant: what its figures hold for}, and under "all" what all of them hold for.

    tried      {contestant: {way: images/s}}: the search
    finalists  {contestant: [way]}
    rounds     {contestant: {way: [figure of each round]}}
    agreement  {contestant: {way: what models.compare says}}
    notes      {contestant: what else is known}
    """
    PARTS = ("tried", "finalists", "rounds", "agreement", "notes")

    def __init__(self, folder, row, conditions):
        self.file = file_of(folder, row)
        self.data = {"row": row.name, "date": "", "conditions": conditions} | {part: {} for part in self.PARTS}
        if self.file.exists():
            self.take_up(read(folder, row))

    def take_up(self, old):
        new, before = self.data["conditions"], old["conditions"]
        if new == before:
            self.data = old
        elif new["all"] == before["all"]:
            # Another Octet does not change what is a peer's best way; rounds are of all together and start again.
            self.data["tried"] = {name: ways for name, ways in old["tried"].items() if new.get(name) == before.get(name)}

    def __getattr__(self, part):
        if part in self.PARTS:
            return self.data[part]
        raise AttributeError(part)

    def save(self):
        self.data["date"] = str(datetime.date.today())
        self.file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self.file.with_suffix(".part")
        unfinished.write_text(json.dumps(self.data, indent=1))
        unfinished.rename(self.file)

    def rounds_done(self):
        return min((len(figures) for ways in self.rounds.values() for figures in ways.values()), default=0)

    def add_round(self, figures):
        """{(contestant, way): figure}. A round is kept whole or not at all."""
        for (name, way), figure in figures.items():
            self.rounds.setdefault(name, {}).setdefault(way, []).append(figure)
        self.save()
