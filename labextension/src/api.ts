/** The REST interface of the server extension, typed; nothing else in the extension knows a URL. */

import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

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
import { API_PATH } from './tokens';

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
  readonly facts: IFacts;
}

/** A condition of `trackbook.toml`. */
export interface IGate {
  readonly type: string;
  readonly metric: string;
  readonly min: number | null;
  readonly max: number | null;
}

/** What one gate said; `void` when it judged other bytes than the version now has. */
export interface IGateResult {
  readonly gate: IGate;
  readonly stage: Stage;
  readonly passed: boolean;
  readonly reason: string;
  readonly value: MetricValue | null;
  readonly time: string;
  readonly void: boolean;
}

export interface IModelVersion {
  readonly version: number;
  readonly stage: Stage;
  readonly run_id: string | null;
  readonly metrics: Readonly<Record<string, MetricValue>>;
  readonly digest: string;
  readonly created_time: string;
  readonly created_by: string;
  /** Every judgement so far, oldest first. */
  readonly gates: readonly IGateResult[];
}

export interface IModel {
  readonly name: string;
  readonly aliases: Readonly<Record<string, number>>;
  readonly versions: readonly IModelVersion[];
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

/** What the server answered instead of a result; `code` is the stable name, `message` is for people. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string
  ) {
    super(message);
    this.name = 'ApiError';
  }
}

type Query = Readonly<Record<string, string | number | null | undefined>>;

/** Talks to the server extension; one instance per server. */
export class TrackbookApi {
  constructor(readonly settings: ServerConnection.ISettings = ServerConnection.makeSettings()) {}

  /** The project that the next requests ask about; `null` is the one of the server's root folder. */
  project: string | null = null;

  /** The same server, asked about one project whatever notebook is opened later. */
  bound(): TrackbookApi {
    const api = new TrackbookApi(this.settings);
    api.project = this.project;
    return api;
  }

  async runs(filter = '', limit = 50, cursor: string | null = null): Promise<IRunPage> {
    return this._get<IRunPage>('runs', { limit, cursor, filter: filter || null });
  }

  async run(runId: string): Promise<IRun> {
    return this._get<IRun>(`runs/${encodeURIComponent(runId)}`);
  }

  async lineage(runId: string): Promise<ILineage> {
    return this._get<ILineage>(`runs/${encodeURIComponent(runId)}/lineage`);
  }

  /** The environment of a run; `against` names the run whose differences to it are asked for. */
  async environment(runId: string, against: string | null = null): Promise<IEnvironmentAnswer> {
    return this._get(`runs/${encodeURIComponent(runId)}/environment`, { against });
  }

  /** The bytes of an artifact, under a type that no browser runs. */
  async artifact(runId: string, digest: string): Promise<Blob> {
    return this._blob(`runs/${encodeURIComponent(runId)}/artifacts/${digest}`);
  }

  /** What the run's code had beyond its commit. */
  async patch(runId: string): Promise<string> {
    return (await this._blob(`runs/${encodeURIComponent(runId)}/patch`)).text();
  }

  async reproductions(runId: string): Promise<IReproductions> {
    return this._get<IReproductions>(`runs/${encodeURIComponent(runId)}/reproductions`);
  }

  /** Starts to repeat a run, or joins whoever has started already. */
  async reproduce(runId: string, environment: EnvironmentChoice): Promise<IJob> {
    return this._post<IJob>(`runs/${encodeURIComponent(runId)}/reproductions`, { environment });
  }

  async reproduction(jobId: string): Promise<IJob> {
    return this._get<IJob>(`reproductions/${encodeURIComponent(jobId)}`);
  }

  async cancelReproduction(jobId: string): Promise<IJob> {
    const url = this._url(`reproductions/${encodeURIComponent(jobId)}`, { project: this.project });
    return readBody<IJob>(await this._request(url, { method: 'DELETE' }));
  }

  /** The latest runs of a notebook's cells; its id comes from `openProject`. */
  async cells(notebook: INotebook): Promise<ICellBadges> {
    return this._get<ICellBadges>(`notebooks/${notebook.notebook_id}/cells`, {
      project: notebook.project_id
    });
  }

  async models(): Promise<readonly IModel[]> {
    return (await this._get<{ models: IModel[] }>('models')).models;
  }

  /** Asks for a stage; a gate that says no is an `ApiError` with the code `gate_refused`. */
  async promote(name: string, version: number, stage: Stage): Promise<IModelVersion> {
    const path = `models/${encodeURIComponent(name)}/versions/${version}/promotions`;
    return this._post<IModelVersion>(path, { stage });
  }

  async driftReports(limit = 20, cursor: string | null = null): Promise<IDriftReportPage> {
    return this._get<IDriftReportPage>('drift-reports', { limit, cursor });
  }

  async driftReport(reportId: string): Promise<IDriftReport> {
    return this._get<IDriftReport>(`drift-reports/${encodeURIComponent(reportId)}`);
  }

  async status(): Promise<IStatus> {
    return this._get<IStatus>('status');
  }

  /** Tells the server which notebook is open and learns the project that it belongs to. */
  async openProject(path: string): Promise<INotebook> {
    return this._post<INotebook>('projects', { path });
  }

  private async _get<T>(path: string, query: Query = {}): Promise<T> {
    const url = this._url(path, { project: this.project, ...query });
    const known = this._known.get(url);
    const headers: Record<string, string> = known ? { 'If-None-Match': known.etag } : {};
    const response = await this._request(url, { method: 'GET', headers });
    if (response.status === 304 && known) {
      return known.body as T;
    }
    const body = await readBody<T>(response);
    const etag = response.headers.get('ETag');
    if (etag) {
      this._remember(url, etag, body);
    }
    return body;
  }

  private async _blob(path: string): Promise<Blob> {
    const response = await this._request(this._url(path, { project: this.project }), {
      method: 'GET'
    });
    return response.ok ? response.blob() : readBody<never>(response);
  }

  private async _post<T>(path: string, content: object): Promise<T> {
    const url = this._url(path, path === 'projects' ? {} : { project: this.project });
    const body = JSON.stringify(content);
    return readBody<T>(await this._request(url, { method: 'POST', body }));
  }

  private _url(path: string, query: Query): string {
    const given = Object.entries(query).filter(
      ([, value]) => value !== null && value !== undefined
    );
    const text = new URLSearchParams(given.map(([key, value]) => [key, String(value)])).toString();
    const url = URLExt.join(this.settings.baseUrl, API_PATH, path);
    return text ? `${url}?${text}` : url;
  }

  private async _request(url: string, init: RequestInit): Promise<Response> {
    try {
      return await ServerConnection.makeRequest(url, init, this.settings);
    } catch (error) {
      if (error instanceof ServerConnection.NetworkError) {
        throw new ApiError(0, 'unreachable', 'The Jupyter server does not answer.');
      }
      throw error;
    }
  }

  /** The same body object comes back for a 304, so that whoever compares by identity sees no change. */
  private _remember(url: string, etag: string, body: unknown): void {
    this._known.delete(url);
    this._known.set(url, { etag, body });
    for (const oldest of this._known.keys()) {
      if (this._known.size <= 32) {
        break;
      }
      this._known.delete(oldest);
    }
  }

  private readonly _known = new Map<string, { etag: string; body: unknown }>();
}

async function readBody<T>(response: Response): Promise<T> {
  const text = await response.text();
  const body: unknown = parse(text);
  if (response.ok && body !== undefined) {
    return body as T;
  }
  const error = (body as { error?: { code?: string; message?: string } } | undefined)?.error;
  if (error?.code && error.message) {
    throw new ApiError(response.status, error.code, error.message);
  }
  throw new ApiError(response.status, unnamedCode(response.status), response.statusText);
}

/** A 404 without Trackbook's own body comes from a server that does not know the extension. */
function unnamedCode(status: number): string {
  if (status === 404) {
    return 'no_extension';
  }
  return status === 401 || status === 403 ? 'not_signed_in' : 'server';
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
