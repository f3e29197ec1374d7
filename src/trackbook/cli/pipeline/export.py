"""`trackbook pipeline export`."""

from __future__ import annotations

from pathlib import Path

import click

from trackbook.cli.output import exits_with_status, json_option, print_json, print_text
from trackbook.project import Project


@click.command("export")
@click.argument("script", type=click.Path(path_type=Path))
@click.option("--to", "target", required=True, metavar="TARGET", help="Where to, from the list above.")
@click.option("-o", "--output", default="", metavar="PATH", help="The main file, below the project's root.")
@click.option("--image", default="", help="The container image of the steps; of docker, the base.")
@click.option("--storage", default="", metavar="URL", help="Where steps on different machines exchange results.")
@click.option("--model", default="", metavar="NAME", help="The name to register under.  Default: the script's.")
@click.option("--resolve", is_flag=True, help="docker: ask the package index for hashes.")
@click.option("--force", is_flag=True, help="Write over files that were edited, or made by something else.")
@json_option
@exits_with_status
def export_command(
    script: Path,
    target: str,
    output: str,
    image: str,
    storage: str,
    model: str,
    resolve: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Write files that let another tool run SCRIPT step by step.

    \b
    github      trackbook pipeline export churn.py --to github --model churn
    gitlab      trackbook pipeline export churn.py --to gitlab --model churn
    dvc         trackbook pipeline export churn.py --to dvc && dvc repro
    airflow     trackbook pipeline export churn.py --to airflow -o dags/churn.py
    metaflow    trackbook pipeline export churn.py --to metaflow && python churn_metaflow.py run
    docker      trackbook pipeline export churn.py --to docker --resolve
    kubeflow    trackbook pipeline export churn.py --to kubeflow --image registry/churn:1 --storage s3://bucket/kept
    argo        trackbook pipeline export churn.py --to argo --image registry/churn:1 --storage s3://bucket/kept

    What runs is `trackbook pipeline run SCRIPT --only STEP`: a result that is kept is not computed again, and
    parameters of the script are the tool's own.  Steps that share the state of their process are one task.
    """
    from trackbook.pipeline.exports.gather import Options

    options = Options(output, image, storage, model, resolve, force)
    written = Project.look(script.absolute()).pipelines.export(script, target, options)
    if as_json:
        print_json({"target": target, "files": [str(path) for path in written]})
        return
    for path in written:
        print_text(str(path))
