/** A real HTTP server in this process: the tests talk to it as the extension talks to Jupyter's. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { ServerConnection } from '@jupyterlab/services';

import { TrackbookApi } from '../src/api';

export interface IRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly etag: string | undefined;
  readonly body: unknown;
}

export interface IAnswer {
  readonly status?: number;
  readonly body?: unknown;
  readonly etag?: string;
  readonly text?: string;
}

export class TestServer {
  /** What the server answers; a test sets it. */
  answer: (request: IRequest) => IAnswer = () => ({ status: 404, text: 'nothing here' });

  readonly requests: IRequest[] = [];

  static async start(): Promise<TestServer> {
    const server = new TestServer();
    await new Promise<void>(done => server._http.listen(0, '127.0.0.1', done));
    return server;
  }

  api(): TrackbookApi {
    const { port } = this._http.address() as AddressInfo;
    const baseUrl = `http://127.0.0.1:${port}/base/`;
    return new TrackbookApi(ServerConnection.makeSettings({ baseUrl, wsUrl: '', token: 'secret' }));
  }

  async stop(): Promise<void> {
    this._http.closeAllConnections();
    await new Promise(done => this._http.close(done));
  }

  private async _serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const chunk of request) {
      text += String(chunk);
    }
    const url = new URL(request.url ?? '', 'http://localhost');
    const asked: IRequest = {
      method: request.method ?? '',
      path: url.pathname.replace('/base/trackbook/api/', ''),
      query: url.searchParams,
      etag: request.headers['if-none-match'],
      body: text ? (JSON.parse(text) as unknown) : undefined
    };
    this.requests.push(asked);
    const answer = this.answer(asked);
    const same = answer.etag !== undefined && asked.etag === answer.etag;
    response.writeHead(
      same ? 304 : (answer.status ?? 200),
      answer.etag ? { ETag: answer.etag } : {}
    );
    response.end(same ? undefined : (answer.text ?? JSON.stringify(answer.body)));
  }

  private readonly _http: Server = createServer((request, response) => {
    void this._serve(request, response);
  });
}
