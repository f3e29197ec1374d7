/** The REST interface of the server extension, typed; nothing else in the extension knows a URL. */

import type { IDataset, IDatasetDifference, IDatasetVersion } from './datasets/types';
import type { Query } from './http';
import { ModelsClient } from './models/client';
import type { IPipelineJob, IRunHistory, IRunWish, ISteps, ITrials } from './pipeline/runTypes';
import type { IConversion, IConversions, IGraph } from './pipeline/types';
import type {
  EnvironmentChoice,
  ICellBadges,
  IEnvironmentAnswer,
  IExecution,
  IFacts,
  IJob,
  ILineage,
  INotebook,
  IReproductions
} from './proof';
import { orderText } from './runs/query';
import type {
  IComparison,
  ICurveChoice,
  IRunEdit,
  IRunGroups,
  IRunKeys,
  IRunsQuery,
  Spec
} from './runs/types';

export { ApiError } from './http';

export type RunStatus = 'RUNNING' | 'FINISHED' | 'FAILED' | 'KILLED';
export type Stage = 'none' | 'staging' | 'production' | 'archived';
export type DriftState = 'none' | 'negligible' | 'drift' | 'cannot_tell';

/** A metric that JSON has no number for arrives as the text NaN, Infinity or -Infinity. */
export type MetricValue = number | 'NaN' | 'Infinity' | '-Infinity';

export interface IRunSummary {
  readonly run_id: string;
  readonly experiment: string;
  readonly run_name: string;
  readonly status: RunStatus;
  readonly start_time: string | null;
  readonly end_time: string | null;
  readonly params: Readonly<Record<string, string>>;
  readonly metrics: Readonly<Record<string, MetricValue>>;
  readonly tags: Readonly<Record<string, string>>;
  readonly kind: string;
  readonly parent_run_id: string | null;
  readonly note?: string | null;
}

/**
 * One variable or file that a run read, wrote or changed in place (then it stands under both); `size` in bytes,
 * `columns` by name with their fingerprints.
 */
export interface IRunData {
  readonly role: 'read' | 'written' | 'mutated';
  readonly name: string;
  readonly kind: string;
  readonly fingerprint: string | null;
  readonly rows: number | null;
  readonly size: number | null;
  readonly columns: Readonly<Record<string, string>> | null;
  readonly reason: string | null;
}

export interface IArtifact {
  readonly path: string;
  readonly digest: string;
  readonly size: number;
  readonly media_type: string;
}

export interface IEnvironment {
  readonly python: string;
  readonly implementation: string;
  readonly platform: string;
  readonly machine: string;
  readonly distributions: Readonly<Record<string, string>>;
  readonly blas?: string | null;
  readonly cpus?: number | null;
  readonly locale?: string | null;
  readonly variables?: Readonly<Record<string, string>>;
}

export interface IRun extends IRunSummary {
  readonly user: string;
  readonly source: string | null;
  readonly notebook: string | null;
  readonly cell_id: string | null;
  readonly execution_count: number | null;
  readonly git_commit: string | null;
  readonly git_branch: string | null;
  readonly environment_digest: string | null;
  readonly environment: IEnvironment | null;
  readonly data: readonly IRunData[];
  readonly artifacts: readonly IArtifact[];
  readonly error: {
    readonly type: string;
    readonly message: string;
    readonly traceback: string;
  } | null;
  readonly children: readonly IRunSummary[];
  readonly git_remote: string | null;
  readonly git_patch: string | null;
  readonly program: readonly IExecution[];
  /** The metrics that have more than one value. */
  readonly curves: readonly string[];
  readonly facts: IFacts;
}

export interface IDriftReportSummary {
  readonly report_id: string;
  readonly reference: string;
  readonly current: string;
  readonly state: DriftState;
  readonly created_time: string;
  readonly run_id: string | null;
}

/** `effect` and its interval are differences of shares, 0 to 1; `n_…` count the rows that are not missing. */
export interface IDriftColumn {
  readonly state: DriftState;
  readonly kind: string;
  readonly method: string;
  readonly effect: number;
  readonly effect_low: number;
  readonly effect_high: number;
  readonly p_adjusted: number;
  readonly n_reference: number;
  readonly n_current: number;
  readonly missing_reference: number;
  readonly missing_current: number;
  readonly reason: string;
}

export interface IDriftReport extends IDriftReportSummary {
  readonly reason: string;
  readonly alpha: number;
  readonly n_reference: number;
  readonly n_current: number;
  readonly columns: Readonly<Record<string, IDriftColumn>>;
  /** A Vega-Lite 5 specification for each column that has a picture. */
  readonly charts: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** `store` is null while nothing has been recorded in the project. */
export interface IStatus extends IProject {
  readonly version: string;
  readonly store: string | null;
  readonly store_version: string | null;
  readonly sqlite_version: string | null;
}

export interface IProject {
  readonly project_id: string;
  readonly root: string;
}

/** One page of runs, newest first; `next_cursor` asks for the following one. */
export interface IRunPage {
  readonly runs: readonly IRunSummary[];
  readonly next_cursor: string | null;
}

/** One page of drift reports, newest first. */
export interface IDriftReportPage {
  readonly drift_reports: readonly IDriftReportSummary[];
  readonly next_cursor: string | null;
}

/** Talks to the server extension; one instance per server. */
export class TrackbookApi extends ModelsClient {
  /** The same server, asked about one project whatever notebook is opened later. */
  bound(): TrackbookApi {
    const api = new TrackbookApi(this.settings);
    api.project = this.project;
    return api;
  }

  async runs(filter = '', limit = 50, cursor: string | null = null): Promise<IRunPage> {
    return this.get<IRunPage>('runs', { limit, cursor, filter: filter || null });
  }

  /** Rows of a list: `skip` of them after the cursor, or from the top. */
  async runPage(
    query: IRunsQuery,
    page: { readonly cursor: string | null; readonly skip: number; readonly limit: number },
    signal?: AbortSignal
  ): Promise<IRunPage> {
    const { cursor, limit, skip } = page;
    const order_by = orderText(query.order);
    const asked = { ...selected(query), order_by, cursor, limit, skip: skip || null };
    return this.get<IRunPage>('runs', asked, signal);
  }

  async countRuns(query: IRunsQuery, signal?: AbortSignal): Promise<number> {
    return (await this.get<{ count: number }>('runs/count', selected(query), signal)).count;
  }

  async runKeys(experiment: string | null = null): Promise<IRunKeys> {
    return this.get<IRunKeys>('runs/keys', { experiment });
  }

  /** The runs by the values of a key, the largest groups first, each with the spread of a metric. */
  async runGroups(query: IRunsQuery, by: string, metric: string | null): Promise<IRunGroups> {
    return this.get<IRunGroups>('runs/groups', { ...selected(query), by, metric });
  }

  async editRun(runId: string, edit: IRunEdit): Promise<IRun> {
    return this.send<IRun>('PATCH', `runs/${encodeURIComponent(runId)}`, edit);
  }

  async deleteRun(runId: string): Promise<void> {
    await this.send('DELETE', `runs/${encodeURIComponent(runId)}`);
  }

  async restoreRun(runId: string): Promise<void> {
    await this.send('POST', `runs/${encodeURIComponent(runId)}/restore`, {});
  }

  async compareRuns(ids: readonly string[]): Promise<IComparison> {
    return this.get<IComparison>('runs/compare', { ids });
  }

  /** A picture of the curves of some metrics; null where there is nothing to draw. */
  async curves(
    ids: readonly string[],
    keys: readonly string[],
    choice: ICurveChoice
  ): Promise<Spec | null> {
    const { x, log, smoothing } = choice;
    const query = { ids, keys, x, log, smoothing };
    return (await this.get<{ chart: Spec | null }>('runs/compare/curves', query)).chart;
  }

  /** A picture of params and metrics side by side, a line a run. */
  async parallel(ids: readonly string[]): Promise<Spec | null> {
    return (await this.get<{ chart: Spec | null }>('runs/compare/parallel', { ids })).chart;
  }

  async run(runId: string): Promise<IRun> {
    return this.get<IRun>(`runs/${encodeURIComponent(runId)}`);
  }

  async lineage(runId: string): Promise<ILineage> {
    return this.get<ILineage>(`runs/${encodeURIComponent(runId)}/lineage`);
  }

  /** The environment of a run; `against` names the run whose differences to it are asked for. */
  async environment(runId: string, against: string | null = null): Promise<IEnvironmentAnswer> {
    return this.get(`runs/${encodeURIComponent(runId)}/environment`, { against });
  }

  /** The bytes of an artifact, under a type that no browser runs. */
  async artifact(runId: string, digest: string): Promise<Blob> {
    return this.blob(`runs/${encodeURIComponent(runId)}/artifacts/${digest}`);
  }

  /** What the run's code had beyond its commit. */
  async patch(runId: string): Promise<string> {
    return (await this.blob(`runs/${encodeURIComponent(runId)}/patch`)).text();
  }

  async reproductions(runId: string): Promise<IReproductions> {
    return this.get<IReproductions>(`runs/${encodeURIComponent(runId)}/reproductions`);
  }

  /** Starts to repeat a run, or joins whoever has started already. */
  async reproduce(runId: string, environment: EnvironmentChoice): Promise<IJob> {
    return this.send<IJob>('POST', `runs/${encodeURIComponent(runId)}/reproductions`, {
      environment
    });
  }

  async reproduction(jobId: string): Promise<IJob> {
    return this.get<IJob>(`reproductions/${encodeURIComponent(jobId)}`);
  }

  async cancelReproduction(jobId: string): Promise<IJob> {
    return this.send<IJob>('DELETE', `reproductions/${encodeURIComponent(jobId)}`);
  }

  /** The latest runs of a notebook's cells; its id comes from `openProject`. */
  async cells(notebook: INotebook): Promise<ICellBadges> {
    return this.get<ICellBadges>(`notebooks/${notebook.notebook_id}/cells`, {
      project: notebook.project_id
    });
  }

  /** Which cell of a notebook feeds which, as it is saved. */
  async graph(notebook: INotebook): Promise<IGraph> {
    return this.get<IGraph>(`notebooks/${notebook.notebook_id}/graph`);
  }

  async conversions(notebook: INotebook): Promise<IConversions> {
    return this.get<IConversions>(`notebooks/${notebook.notebook_id}/conversions`);
  }

  /** Starts to write the script of a notebook, or joins whoever has started already. */
  async convert(notebook: INotebook, verify: boolean): Promise<IConversion> {
    const path = `notebooks/${notebook.notebook_id}/conversions`;
    return this.send<IConversion>('POST', path, { verify });
  }

  async conversion(jobId: string): Promise<IConversion> {
    return this.get<IConversion>(`conversions/${encodeURIComponent(jobId)}`);
  }

  async cancelConversion(jobId: string): Promise<IConversion> {
    return this.send<IConversion>('DELETE', `conversions/${encodeURIComponent(jobId)}`);
  }

  /** The params and steps of a notebook as it is saved, and what a run with `params` would do. */
  async steps(notebook: INotebook, params: Readonly<Record<string, string>>): Promise<ISteps> {
    const param = Object.entries(params).map(([name, value]) => `${name}=${value}`);
    return this.get<ISteps>(`notebooks/${notebook.notebook_id}/steps`, { param });
  }

  /** The runs of a notebook as a pipeline, newest first. */
  async pipelineRuns(notebook: INotebook, limit: number): Promise<IRunHistory> {
    return this.get<IRunHistory>(`notebooks/${notebook.notebook_id}/pipeline-runs`, { limit });
  }

  /** Starts to run a notebook as a pipeline, or joins whoever has started the same already. */
  async runPipeline(notebook: INotebook, wish: IRunWish): Promise<IPipelineJob> {
    return this.send<IPipelineJob>('POST', `notebooks/${notebook.notebook_id}/pipeline-runs`, wish);
  }

  /** How a run stands, and what happened since the cursor. */
  async pipelineRun(jobId: string, cursor: string | null): Promise<IPipelineJob> {
    return this.get<IPipelineJob>(`pipeline-runs/${encodeURIComponent(jobId)}`, { cursor });
  }

  async stopPipelineRun(jobId: string): Promise<IPipelineJob> {
    return this.send<IPipelineJob>('DELETE', `pipeline-runs/${encodeURIComponent(jobId)}`);
  }

  /** A picture of the trials of a sweep, a line a trial; null where there is nothing to draw. */
  async trials(runId: string): Promise<ITrials> {
    return this.get<ITrials>(`runs/${encodeURIComponent(runId)}/trials`);
  }

  async datasets(): Promise<readonly IDataset[]> {
    return (await this.get<{ datasets: IDataset[] }>('datasets')).datasets;
  }

  /** All versions of a dataset, newest first. */
  async datasetVersions(name: string): Promise<readonly IDatasetVersion[]> {
    const path = `datasets/${encodeURIComponent(name)}/versions`;
    return (await this.get<{ versions: IDatasetVersion[] }>(path)).versions;
  }

  /** What came, went and changed since the version `against`; `key` is the column that tells rows apart. */
  async datasetDifference(
    name: string,
    version: number,
    against: number,
    key: string | null
  ): Promise<IDatasetDifference> {
    const path = `datasets/${encodeURIComponent(name)}/versions/${version}/diff`;
    return this.get<IDatasetDifference>(path, { against, key });
  }

  async datasetLineage(name: string, version: number): Promise<ILineage> {
    return this.get<ILineage>(`datasets/${encodeURIComponent(name)}/versions/${version}/lineage`);
  }

  async driftReports(limit = 20, cursor: string | null = null): Promise<IDriftReportPage> {
    return this.get<IDriftReportPage>('drift-reports', { limit, cursor });
  }

  async driftReport(reportId: string): Promise<IDriftReport> {
    return this.get<IDriftReport>(`drift-reports/${encodeURIComponent(reportId)}`);
  }

  async status(): Promise<IStatus> {
    return this.get<IStatus>('status');
  }

  /** Tells the server which notebook is open and learns the project that it belongs to. */
  async openProject(path: string): Promise<INotebook> {
    return this.send<INotebook>('POST', 'projects', { path });
  }
}

function selected(query: IRunsQuery): Query {
  return { filter: query.filter || null, experiment: query.experiment };
}
