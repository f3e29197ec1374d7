/** Requests to the server extension: the project in every query, ETags, and errors in one form. */

import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import { API_PATH } from './tokens';

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

/** Values of a query; of a list each item stands for itself, null and undefined are left out. */
export type Query = Readonly<
  Record<string, string | number | boolean | readonly string[] | null | undefined>
>;

/** Talks JSON to one server; the endpoints are in `TrackbookApi`. */
export abstract class HttpClient {
  constructor(readonly settings: ServerConnection.ISettings = ServerConnection.makeSettings()) {}

  /** The project that the next requests ask about; `null` is the one of the server's root folder. */
  project: string | null = null;

  /** `signal` gives up what nobody waits for any more; the promise is rejected then. */
  protected async get<T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> {
    const url = this._url(path, { project: this.project, ...query });
    const known = this._known.get(url);
    const headers: Record<string, string> = known ? { 'If-None-Match': known.etag } : {};
    const response = await this._request(url, { method: 'GET', headers, signal: signal ?? null });
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

  protected async blob(path: string): Promise<Blob> {
    const response = await this._request(this._url(path, { project: this.project }), {
      method: 'GET'
    });
    return response.ok ? response.blob() : readBody<never>(response);
  }

  /** Changes something; the path `projects` is the one that belongs to no project. */
  protected async send<T>(
    method: 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    content: object | null = null
  ): Promise<T> {
    const url = this._url(path, path === 'projects' ? {} : { project: this.project });
    const body = content === null ? null : JSON.stringify(content);
    return readBody<T>(await this._request(url, { method, body }));
  }

  private _url(path: string, query: Query): string {
    const given = Object.entries(query).flatMap(([key, value]) =>
      value === null || value === undefined ? [] : [value].flat().map(item => [key, String(item)])
    );
    const text = new URLSearchParams(given).toString();
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
