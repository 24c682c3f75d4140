"""The command `vinkki`."""

import sys
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

import typer

from engine.errors import VinkkiError

app = typer.Typer(
    name="vinkki",
    help="A city's event-driven, consent-aware recommendation engine. Start with: vinkki demo",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Home = Annotated[
    Path, typer.Option(help="Folder of all state; made where it is missing.", envvar="VINKKI_HOME", show_default=True)
]
HOME = Path("var")


@app.command()
def demo(
    home: Home = HOME,
    port: Annotated[int, typer.Option(help="HTTP port.", envvar="VINKKI_PORT")] = 8000,
    residents: Annotated[
        int, typer.Option(min=0, help="How many synthetic residents to simulate at the first start.")
    ] = 150,
) -> None:
    """Start everything on this machine: Kafka, PostgreSQL, Valkey, a worker and the API, with a sample catalogue.

    Stop it with Ctrl-C; the next start finds everything as it was.
    """
    from api.commands.demo import run

    run(home, port, residents)


@app.command()
def serve(home: Home = HOME, port: Annotated[int | None, typer.Option(help="HTTP port.")] = None) -> None:
    """Answer HTTP: the API, the reference app, health and metrics."""
    from api.commands.serve import run

    run(_settings(home=home, port=port))


@app.command()
def work(home: Home = HOME) -> None:
    """Run one stream worker: it takes in interactions, offers and consents. Start as many as you like."""
    from api.commands.work import run

    run(_settings(home=home))


import_app = typer.Typer(help="Bring offers in from the city's systems.", invoke_without_command=True)
app.add_typer(import_app, name="import")


@import_app.callback()
def importing(
    context: typer.Context,
    home: Home = HOME,
    report: Annotated[
        bool, typer.Option("--report", help="List what the last import of each source refused, and why.")
    ] = False,
) -> None:
    """Bring offers in from the city's systems, or report on the last imports."""
    if context.invoked_subcommand is None:
        if not report:
            typer.echo(context.get_help())
            raise typer.Exit(0)
        from api.commands.importing import show_report

        show_report(_settings(home=home))


@import_app.command("linked-events")
def import_linked_events(
    source: Annotated[
        str | None, typer.Argument(help="URL of the API, a file or a folder; without it, the live API.")
    ] = None,
    home: Home = HOME,
    full: Annotated[
        bool, typer.Option("--full", help="Read everything, not only what changed since the last import.")
    ] = False,
    report: Annotated[bool, typer.Option("--report", help="Also list each refused record with its reason.")] = False,
) -> None:
    """Read events, courses and volunteering from Linked Events; may be interrupted and repeated."""
    from api.commands.importing import run

    run(_settings(home=home), source, full=full, report=report)


@import_app.command("sample")
def import_sample(home: Home = HOME) -> None:
    """Load the sample catalogue, with dates relative to today."""
    from api.commands.importing import run_sample

    run_sample(_settings(home=home))


@app.command()
def simulate(
    home: Home = HOME,
    residents: Annotated[int, typer.Option(min=1, help="How many synthetic residents.")] = 150,
    seed: Annotated[int, typer.Option(help="The same seed gives the same residents and day.")] = 1,
) -> None:
    """Let synthetic residents live a day: they consent, look, save and dismiss. Only for development."""
    from api.commands.simulate import run

    run(_settings(home=home), residents, seed)


@app.command()
def rebuild(home: Home = HOME) -> None:
    """Restore the online state in Redis from SQL, for everybody."""
    from api.commands.rebuild import run

    run(_settings(home=home))


@app.command()
def doctor(
    home: Home = HOME,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Check settings, stores, broker, lag, clock and disk, and say what to do. Exits with 1 if something is wrong."""
    from api.commands.doctor import run

    run(_settings(home=home), as_json=as_json)


@app.command()
def token(
    kind: Annotated[str, typer.Argument(help="resident, service or staff.")],
    name: Annotated[str, typer.Argument(help="A resident's UUID, a service's name or a colleague's e-mail.")],
    scope: Annotated[
        list[str] | None, typer.Option(help="A scope of the service or the colleague; repeat for more.")
    ] = None,
    subject: Annotated[str | None, typer.Option(help="UUID of the resident that a service's token is about.")] = None,
    home: Home = HOME,
) -> None:
    """Print a bearer token of the demo's issuer, for trying the API with curl."""
    from api.commands.token import run

    run(_settings(home=home), kind, name, scope or [], subject)


audit_app = typer.Typer(help="Check that what was promised about consents holds.", no_args_is_help=True)
app.add_typer(audit_app, name="audit")


@audit_app.command("verify")
def audit_verify(home: Home = HOME) -> None:
    """Check that no entry of the consent ledger was changed, removed or moved. Exits with 1 at the first that was."""
    from api.commands.audit import run_verify

    run_verify(_settings(home=home))


@audit_app.command("receipt")
def audit_receipt(
    file: Annotated[Path, typer.Argument(help="A receipt as the API gave it, or its JWS alone.")],
    key: Annotated[Path | None, typer.Option(help="The public key; otherwise that of the home.")] = None,
    home: Home = HOME,
) -> None:
    """Check a consent receipt, without network. Exits with 1 if it is forged or was changed."""
    from api.commands.audit import run_receipt

    run_receipt(_settings(home=home), file, key)


@audit_app.command("leaks")
def audit_leaks(
    person: Annotated[UUID | None, typer.Option(help="Look for this person alone, in more encodings.")] = None,
    also: Annotated[list[Path] | None, typer.Option(help="A log or folder to look through besides the home.")] = None,
    metrics: Annotated[list[str] | None, typer.Option(help="Address of more metrics, such as a worker's.")] = None,
    home: Home = HOME,
) -> None:
    """Look for people's ids in SQL, Redis, files, metrics and Kafka, and for what a withdrawal should have deleted.

    Exits with 1 and says where, never what, if something is found.
    """
    from api.commands.audit import run_leaks

    run_leaks(_settings(home=home), person, also or [], metrics or [])


@audit_app.command("replay")
def audit_replay(
    file: Annotated[
        Path | None, typer.Argument(help="A copy of audit/endings.jsonl; otherwise that of the home.")
    ] = None,
    home: Home = HOME,
) -> None:
    """After a backup was restored: end once more what residents had withdrawn or erased since it was made."""
    from api.commands.replay import run

    run(_settings(home=home), file)


@app.command()
def evaluate(
    folder: Annotated[Path | None, typer.Argument(help="A split: train, folds, cands, test and items.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where the run goes: a line a query, the best first.")] = None,
    subset: Annotated[
        Literal["all", "warm", "cold"], typer.Option(help="Rank all offers, only known ones or only new ones.")
    ] = "all",
    report: Annotated[Path | None, typer.Option(help="Where a page with figures, slices and plots goes.")] = None,
    beside: Annotated[list[Path] | None, typer.Option(help="Another run to compare with in the report.")] = None,
    logged: Annotated[
        Path | None, typer.Option(help="Instead: a log of what was shown, with propensities, judged off-policy.")
    ] = None,
    embedding: Annotated[
        bool,
        typer.Option("--embedding", envvar="VINKKI_EMBEDDING", help="Read what offers mean by the extra's embedding."),
    ] = False,
) -> None:
    """Judge the recommender on a collection split by time: learn what was known then, and rank what came."""
    from api.commands.evaluate import run, run_logged

    if logged is not None:
        run_logged(logged)
    elif folder is None or out is None:
        raise typer.BadParameter("Give a folder and --out RUN.tsv, or --logged FILE.")
    else:
        run(folder, out, subset, report, beside or [], embedding=embedding)


@app.command()
def train(
    home: Home = HOME,
    seed: Annotated[int, typer.Option(help="The same journal and seed give the same model.")] = 0,
    roll_back: Annotated[
        bool, typer.Option("--roll-back", help="Train nothing: make the model before the current one current again.")
    ] = False,
    trial: Annotated[
        bool, typer.Option("--trial", help="Have a share of residents try the new model beside the current one.")
    ] = False,
    promote: Annotated[
        bool, typer.Option("--promote", help="Train nothing: make the model on trial the current one.")
    ] = False,
    end_trial: Annotated[
        bool, typer.Option("--end-trial", help="Train nothing: the current model answers everybody again.")
    ] = False,
    results: Annotated[
        bool, typer.Option("--results", help="Train nothing: tell how the model on trial does.")
    ] = False,
) -> None:
    """Learn from what residents who allow it chose; publish the model if it serves nobody significantly worse.

    Exits with 0 if it was published, with 3 if it is worse for somebody and the old one was kept, and with 1 if
    nothing could be learned.
    """
    from api.commands import train
    from api.commands import trial as trials

    instead = {
        train.run_roll_back: roll_back,
        trials.run_promote: promote,
        trials.run_end: end_trial,
        trials.run_results: results,
    }
    asked, settings = [run for run, wanted in instead.items() if wanted], _settings(home=home)
    if len(asked) + trial > 1:
        raise typer.BadParameter("Give one of --trial, --promote, --end-trial, --results and --roll-back.")
    if asked:
        asked[0](settings)
    else:
        train.run(settings, seed, on_trial=trial)


export_app = typer.Typer(help="Write files for `vinkki evaluate`; nobody is in them.", no_args_is_help=True)
app.add_typer(export_app, name="export")


@export_app.command("logged")
def export_logged(
    file: Annotated[Path, typer.Argument(help="The CSV to write; gzipped if its name ends so.")],
    home: Home = HOME,
    share: Annotated[
        float, typer.Option(min=0, max=1, help="The share of answers in which the judged policy tries new offers.")
    ] = 0.0,
    seed: Annotated[int, typer.Option(help="Draws the list of each resident that is told of.")] = 0,
) -> None:
    """Write what the place for new offers held, with which chance, and what followed: for `evaluate --logged`.

    A line a resident who allows learning and measurement, without a name or a day; offers of few lines go unnamed.
    """
    from api.commands.export import run_logged

    run_logged(_settings(home=home), file, share, seed)


@app.command()
def bench(
    suite: Annotated[str, typer.Argument(help="Which table: spine, consent, suggestions, campaigns.")] = "spine",
    only: Annotated[list[str] | None, typer.Option(help="Only the figures of these names.")] = None,
) -> None:
    """Measure speed and memory as ratios, print the table and write it to bench/."""
    from api.commands.bench import run

    run(suite, only or [])


def _settings(**given: Any) -> Any:  # noqa: ANN401 - engine.settings is imported only when a command runs
    from engine.settings import load

    return load(**given)


def main() -> None:
    """Run the command line; what Vinkki can explain is one sentence on standard error and exit code 1."""
    try:
        app()
    except VinkkiError as error:
        sys.exit(f"vinkki: {error.detail}")
