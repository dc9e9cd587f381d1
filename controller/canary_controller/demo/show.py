"""What the demo prints: one line when something changes. Colours on a terminal, the same words without one."""

from attrs import define, field
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from canary_controller.clock import Clock
from canary_controller.demo.story import Story
from canarykit.dicts import at

PHASE_STYLE = {"Succeeded": "bold green", "Failed": "bold red", "Progressing": "cyan", "Promoting": "magenta"}
EVENT_STYLE = {"Normal": "green", "Warning": "yellow"}


@define
class Show:
    """Prints the state of the tutorial's objects, and its Events, as they change."""

    console: Console
    story: Story
    clock: Clock
    started: float
    last: str = ""
    shown: set[str] = field(factory=set)

    def title(self, text: str) -> None:
        """Print the heading of an act."""
        self.console.print()
        self.line(f"[bold]{text}[/bold]")

    def look(self) -> None:
        """Print what has changed since the last look."""
        story = self.story
        if story.phase() in ("Progressing", "WaitingPromotion") and story.pause() is None:
            story.released = True
        phase = story.phase() or "(new)"
        weight = at(story.get("Canary", "podinfo"), "status", "canaryWeight", default=0)
        scaler = "paused at " + str(story.pause()) if story.pause() is not None else "released"
        state = (
            f"[{PHASE_STYLE.get(phase, 'white')}]{phase:<13}[/] canary {weight:>3} %   podinfo {story.replicas('podinfo'):<4}"
            f" podinfo-primary {story.replicas('podinfo-primary'):<4} podinfo-so {scaler}"
        )
        for event in story.events():
            if event["metadata"]["name"] not in self.shown:
                self.shown.add(event["metadata"]["name"])
                style = EVENT_STYLE.get(event["type"], "white")
                self.line(f"        [{style}]{event['type']:<8}[/]{escape(event['message'])}")
        if state != self.last:
            self.last = state
            self.line(f"{self.clock.now() - self.started:6.1f} s  {state}")

    def line(self, text: str) -> None:
        """Print one line, however wide it is."""
        self.console.print(text, highlight=False, soft_wrap=True)

    def summary(self, played_s: float, setup_s: float) -> None:
        """Print what was expected and seen, and how long it took."""
        story = self.story
        table = Table(title="What the tutorial had to bring about", show_lines=False)
        table.add_column("expected", overflow="fold")
        table.add_column("seen", overflow="fold")
        for check in story.checks:
            table.add_row(check.what, "[green]yes[/]" if check.passed else f"[red]no[/] {escape(check.seen[:300])}")
        self.console.print()
        self.console.print(table)
        failed = len(story.failed)
        verdict = "[bold green]all seen[/]" if not failed else f"[bold red]{failed} not seen[/]"
        self.line(f"{len(story.checks)} expectations, {verdict}; cluster up in {setup_s:.1f} s, played in {played_s:.1f} s")
