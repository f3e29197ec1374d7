"""The Jupyter Server extension: what the panel in JupyterLab asks for, as REST under `/trackbook/api/`.

| method | path | does |
| --- | --- | --- |
| GET | `runs?filter&order_by&experiment&deleted&limit&cursor&skip` | one page of runs, newest first without order |
| GET | `runs/count?filter&experiment&deleted` | how many runs the filter lets through |
| GET | `runs/keys?experiment` | the attributes, params, metrics, tags and experiments that a filter can name |
| GET | `runs/groups?by&metric&filter&experiment` | the runs by the values of a key, with the spread of a metric |
| GET | `runs/compare?ids&ids` | params, metrics, packages and code where the runs differ |
| GET | `runs/compare/curves?ids&key&x&log&smoothing` | the curves of a metric as a Vega-Lite picture |
| GET | `runs/compare/parallel?ids` | params and metrics side by side, a line a run, as a Vega-Lite picture |
| GET | `runs/{run_id}` | one run in full; the first characters of its id are enough |
| PATCH | `runs/{run_id}` | `{"run_name", "note", "tags"}`: changes what is named; a note or tag that is null goes |
| DELETE | `runs/{run_id}` | deletes a run, which can be undone |
| POST | `runs/{run_id}/restore` | brings a deleted run back |
| GET | `runs/{run_id}/metrics?keys&points` | values of metrics by step, on request thinned out |
| GET | `runs/{run_id}/lineage` | what the run was made from and what became of it, as nodes and links |
| GET | `runs/{run_id}/environment?against` | its environment, and the differences to that of another run |
| GET | `runs/{run_id}/artifacts/{digest}` | an artifact: text and pictures to be shown, all else to be saved |
| GET | `runs/{run_id}/patch` | what the run's code had beyond its git commit, as text |
| GET | `runs/{run_id}/reproductions` | the attempts to repeat the run, and the one that is going on |
| POST | `runs/{run_id}/reproductions` | `{"environment"}`: starts or joins an attempt; 202 with its `job_id` |
| GET | `runs/{run_id}/trials` | the trials of a sweep, and params and metrics side by side as a Vega-Lite picture |
| GET | `reproductions/{job_id}` | how an attempt stands: state, stage, position of total, verdict |
| DELETE | `reproductions/{job_id}` | ends an attempt |
| GET | `notebooks/{notebook_id}/cells` | the latest run of each cell, and why it is stale where it is |
| GET | `notebooks/{notebook_id}/graph` | which cell feeds which and why, in which step it is, and problems of cells |
| GET | `notebooks/{notebook_id}/conversions` | the script, its last verification, and the conversion going on |
| POST | `notebooks/{notebook_id}/conversions` | `{"verify"}`: starts or joins a conversion; 202 with its `job_id` |
| GET | `conversions/{job_id}` | how a conversion stands: state, stage, position of total, steps, verification |
| DELETE | `conversions/{job_id}` | ends a conversion |
| GET | `notebooks/{notebook_id}/steps?param&param` | its params and steps, and what a run would do with each |
| GET | `notebooks/{notebook_id}/pipeline-runs?limit&cursor` | one page of its runs as a pipeline, newest first |
| POST | `notebooks/{notebook_id}/pipeline-runs` | `{"params", "use_cache", "only", "start", "jobs"}`: starts a run |
| GET | `pipeline-runs/{job_id}?cursor` | how a run stands, and what happened in it since the cursor |
| DELETE | `pipeline-runs/{job_id}` | ends a run; what is done is kept |
| GET | `datasets` | all datasets, each with its newest version |
| GET | `datasets/{name}/versions` | the versions of a dataset, newest first |
| GET | `datasets/{name}/versions/{version}` | one version with its schema |
| GET | `datasets/{name}/versions/{version}/diff?against&key` | what came, went and changed since another version |
| GET | `datasets/{name}/versions/{version}/lineage` | the run that made it, those that read it, and their models |
| GET | `models?limit&cursor` | one page of models: in production, newest, aliases, gates, approvals waited for |
| GET | `models/{name}` | one model with its versions, and who asks |
| PATCH | `models/{name}` | `{"description", "owner", "tags", "intended_use", "limits"}`: changes what is named |
| GET | `models/{name}/versions/{version}?stage` | a version, and what it lacks for a stage |
| PATCH | `models/{name}/versions/{version}` | `{"description", "owner", "tags"}`: changes what is named |
| DELETE | `models/{name}/versions/{version}` | deletes a version that no alias and no stage holds |
| POST | `models/{name}/versions/{version}/checks` | `{"stage"}`: judges it by the gates; 202 with a `job_id` |
| GET | `checks/{job_id}` | how a check stands, and what the gates said |
| DELETE | `checks/{job_id}` | ends a check |
| POST | `models/{name}/versions/{version}/approvals` | `{"approved", "stage", "comment"}`: a yes or no of who asks |
| POST | `models/{name}/versions/{version}/promotions` | `{"stage", "reason", "override"}`: moves it; 409 says why not |
| POST | `models/{name}/versions/{version}/deprecation` | `{"reason"}`: not to be used any more; null takes that back |
| GET | `models/{name}/versions/{version}/comparison/{other}` | what the other version has in its place |
| GET | `models/{name}/versions/{version}/lineage` | from the data to the version, and what that is used as |
| GET | `models/{name}/versions/{version}/card` | the model card in its parts, and as Markdown |
| POST | `models/{name}/rollbacks` | `{"reason"}`: the version that was in production before comes back |
| PUT | `models/{name}/aliases/{alias}` | `{"version", "reason", "override"}`: lets an alias name a version |
| DELETE | `models/{name}/aliases/{alias}` | removes an alias |
| GET | `audit-events?model&limit&cursor` | one page of audit events in words, newest first |
| GET | `audit-verdict` | whether the audit trail is as it was written, and what is not |
| GET | `drift-reports?limit&cursor` | one page of drift reports, newest first |
| GET | `drift-reports/{report_id}` | one report in full, with a Vega-Lite picture a column |
| GET | `status` | versions, and where the project and its store lie |
| POST | `projects` | `{"path"}` of a notebook: its id, and that of its project for `?project=` of all others |

Every method needs the server's token.  Answers carry an ETag; an error is `{"error": {"code", "message"}}`.

The server imports this module when it starts, so everything heavier waits in `trackbook.server.routes`.
"""

from __future__ import annotations

from typing import Any


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    """Name the module that Jupyter Server loads."""
    return [{"module": "trackbook.server"}]


def _load_jupyter_server_extension(server_app: Any) -> None:
    """Add the routes to a starting server."""
    from trackbook.server.routes import add_routes

    add_routes(server_app)
