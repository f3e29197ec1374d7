"""The table of routes."""

from __future__ import annotations

import atexit
from pathlib import Path
from typing import Any

from jupyter_server.utils import url_path_join

from trackbook.server.compare_handlers import ComparisonHandler, CurvesHandler, MetricsHandler, ParallelHandler
from trackbook.server.data_handlers import (
    DatasetDifferenceHandler,
    DatasetLineageHandler,
    DatasetsHandler,
    DatasetVersionHandler,
    DatasetVersionsHandler,
)
from trackbook.server.edit_handlers import RestorationHandler, RunHandler
from trackbook.server.handlers import (
    DriftReportHandler,
    DriftReportsHandler,
    NothingHandler,
    ProjectsHandler,
    StatusHandler,
)
from trackbook.server.jobs import Jobs
from trackbook.server.list_handlers import RunCountHandler, RunGroupsHandler, RunKeysHandler, RunsHandler
from trackbook.server.model_handlers import (
    AuditEventsHandler,
    AuditVerdictHandler,
    ModelCardHandler,
    ModelComparisonHandler,
    ModelHandler,
    ModelLineageHandler,
    ModelsHandler,
    ModelVersionHandler,
)
from trackbook.server.model_step_handlers import (
    ApprovalsHandler,
    DeprecationHandler,
    ModelAliasHandler,
    ModelCheckHandler,
    ModelChecksHandler,
    PromotionsHandler,
    RollbacksHandler,
)
from trackbook.server.pipeline_handlers import ConversionHandler, GraphHandler, NotebookConversionsHandler
from trackbook.server.pipeline_run_handlers import (
    NotebookPipelineRunsHandler,
    PipelineRunHandler,
    StepsHandler,
    TrialsHandler,
)
from trackbook.server.projects import Projects
from trackbook.server.reproduction_handlers import ReproductionHandler, RunReproductionsHandler
from trackbook.server.run_handlers import (
    ArtifactHandler,
    CellsHandler,
    EnvironmentHandler,
    LineageHandler,
    PatchHandler,
)

ROOT = "trackbook/api"

ROUTES = (
    (r"status", StatusHandler),
    (r"projects", ProjectsHandler),
    (r"runs", RunsHandler),
    (r"runs/count", RunCountHandler),
    (r"runs/keys", RunKeysHandler),
    (r"runs/groups", RunGroupsHandler),
    (r"runs/compare", ComparisonHandler),
    (r"runs/compare/curves", CurvesHandler),
    (r"runs/compare/parallel", ParallelHandler),
    (r"runs/([0-9a-f]{1,32})", RunHandler),
    (r"runs/([0-9a-f]{1,32})/restore", RestorationHandler),
    (r"runs/([0-9a-f]{1,32})/metrics", MetricsHandler),
    (r"runs/([0-9a-f]{1,32})/lineage", LineageHandler),
    (r"runs/([0-9a-f]{1,32})/environment", EnvironmentHandler),
    (r"runs/([0-9a-f]{1,32})/artifacts/([0-9a-f]{64})", ArtifactHandler),
    (r"runs/([0-9a-f]{1,32})/patch", PatchHandler),
    (r"runs/([0-9a-f]{1,32})/reproductions", RunReproductionsHandler),
    (r"runs/([0-9a-f]{1,32})/trials", TrialsHandler),
    (r"reproductions/([0-9a-f]{32})", ReproductionHandler),
    (r"notebooks/([0-9a-f]{16})/cells", CellsHandler),
    (r"notebooks/([0-9a-f]{16})/graph", GraphHandler),
    (r"notebooks/([0-9a-f]{16})/conversions", NotebookConversionsHandler),
    (r"conversions/([0-9a-f]{32})", ConversionHandler),
    (r"notebooks/([0-9a-f]{16})/steps", StepsHandler),
    (r"notebooks/([0-9a-f]{16})/pipeline-runs", NotebookPipelineRunsHandler),
    (r"pipeline-runs/([0-9a-f]{32})", PipelineRunHandler),
    (r"datasets", DatasetsHandler),
    (r"datasets/([^/]+)/versions", DatasetVersionsHandler),
    (r"datasets/([^/]+)/versions/([0-9]{1,9})", DatasetVersionHandler),
    (r"datasets/([^/]+)/versions/([0-9]{1,9})/diff", DatasetDifferenceHandler),
    (r"datasets/([^/]+)/versions/([0-9]{1,9})/lineage", DatasetLineageHandler),
    (r"models", ModelsHandler),
    (r"models/([^/]+)", ModelHandler),
    (r"models/([^/]+)/rollbacks", RollbacksHandler),
    (r"models/([^/]+)/aliases/([^/]+)", ModelAliasHandler),
    (r"models/([^/]+)/versions/([0-9]{1,9})", ModelVersionHandler),
    (r"models/([^/]+)/versions/([0-9]{1,9})/checks", ModelChecksHandler),
    (r"models/([^/]+)/versions/([0-9]{1,9})/approvals", ApprovalsHandler),
    (r"models/([^/]+)/versions/([0-9]{1,9})/promotions", PromotionsHandler),
    (r"models/([^/]+)/versions/([0-9]{1,9})/deprecation", DeprecationHandler),
    (r"models/([^/]+)/versions/([0-9]{1,9})/comparison/([0-9]{1,9})", ModelComparisonHandler),
    (r"models/([^/]+)/versions/([0-9]{1,9})/lineage", ModelLineageHandler),
    (r"models/([^/]+)/versions/([0-9]{1,9})/card", ModelCardHandler),
    (r"checks/([0-9a-f]{32})", ModelCheckHandler),
    (r"audit-events", AuditEventsHandler),
    (r"audit-verdict", AuditVerdictHandler),
    (r"drift-reports", DriftReportsHandler),
    (r"drift-reports/([A-Za-z0-9_-]{1,64})", DriftReportHandler),
    (r".*", NothingHandler),
)


def add_routes(server_app: Any) -> None:
    """Give the server the routes, all with one set of projects."""
    web_app = server_app.web_app
    prefix = url_path_join(web_app.settings["base_url"], ROOT)
    jobs = Jobs()
    atexit.register(jobs.close)
    shared = {"projects": Projects(Path(server_app.root_dir)), "jobs": jobs}
    web_app.add_handlers(".*$", [(url_path_join(prefix, path), handler, shared) for path, handler in ROUTES])
