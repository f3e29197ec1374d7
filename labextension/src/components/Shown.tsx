import { useEffect, useState } from 'react';

import type { ApiError, IArtifact, TrackbookApi } from '../api';
import { parseCsv } from '../data';
import { baseName, count, formatSize, stripAnsi } from '../format';
import { asApiError } from '../model';
import { Problem } from './Problem';

interface IShownProps {
  readonly api: TrackbookApi;
  readonly runId: string;
}

/** How many bytes are fetched without being asked for. */
const LARGEST = 4_000_000;
const LINES = 20;
const ROWS = 12;

/** What the cell showed: text as text, tables as tables, figures as pictures; nothing of it is run. */
export function Outputs(props: IShownProps & { artifacts: readonly IArtifact[] }): JSX.Element {
  const figures = props.artifacts.filter(isFigure);
  const rest = props.artifacts.filter(artifact => !isFigure(artifact));
  return (
    <div className="tb-Outputs">
      {rest.map(artifact => (
        <Output key={artifact.path} {...props} artifact={artifact} />
      ))}
      {figures.length > 0 && (
        <div className="tb-Figures">
          {figures.map(artifact => (
            <Output key={artifact.path} {...props} artifact={artifact} />
          ))}
        </div>
      )}
    </div>
  );
}

/** The artifacts that the user's code logged, each to be looked at or saved. */
export function Artifacts(props: IShownProps & { artifacts: readonly IArtifact[] }): JSX.Element {
  const [open, setOpen] = useState<string | null>(null);
  const chosen = props.artifacts.find(artifact => artifact.path === open);
  return (
    <>
      <table className="tb-Table" aria-label="Artifacts">
        <tbody>
          {props.artifacts.map(artifact => (
            <tr key={artifact.path}>
              <th scope="row">{artifact.path}</th>
              <td className="tb-Number">{formatSize(artifact.size)}</td>
              <td className="tb-Number">
                <button
                  className="tb-LinkButton"
                  aria-label={`Show ${artifact.path}`}
                  aria-expanded={open === artifact.path}
                  onClick={() => setOpen(open === artifact.path ? null : artifact.path)}
                >
                  {open === artifact.path ? 'Hide' : 'Show'}
                </button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {chosen && <Output key={chosen.path} {...props} artifact={chosen} />}
    </>
  );
}

const isFigure = (artifact: IArtifact): boolean => /\.(?:png|jpe?g)$/.test(artifact.path);

function Output(props: IShownProps & { artifact: IArtifact }): JSX.Element {
  const { artifact } = props;
  const [wanted, setWanted] = useState(artifact.size <= LARGEST);
  const { blob, error } = useBlob(props, wanted);
  const name = titleOf(baseName(artifact.path));
  return (
    <figure className={`tb-Output${isFigure(artifact) ? ' tb-mod-figure' : ''}`} aria-label={name}>
      <figcaption>
        {name} <span className="tb-Quiet">{formatSize(artifact.size)}</span>
      </figcaption>
      {!wanted && (
        <button className="tb-LinkButton" onClick={() => setWanted(true)}>
          Load {formatSize(artifact.size)}
        </button>
      )}
      {error && <Problem error={error} />}
      {wanted && !blob && !error && <p className="tb-None">Loading …</p>}
      {blob && <Content artifact={artifact} blob={blob} name={name} />}
    </figure>
  );
}

const TITLES: Readonly<Record<string, string>> = {
  'stdout.txt': 'Printed',
  'stderr.txt': 'Printed to stderr',
  'value.txt': 'Last value',
  'displayed.txt': 'Displayed',
  'table.csv': 'Table'
};

function titleOf(file: string): string {
  const figure = /^figure-(\d+)\./.exec(file);
  return figure ? `Figure ${figure[1]}` : (TITLES[file] ?? file);
}

function useBlob(
  props: IShownProps & { artifact: IArtifact },
  wanted: boolean
): { blob: Blob | null; error: ApiError | null } {
  const [blob, setBlob] = useState<Blob | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const { api, runId, artifact } = props;
  useEffect(() => {
    let stale = false;
    if (wanted) {
      api.artifact(runId, artifact.digest).then(
        value => !stale && setBlob(value),
        (reason: unknown) => !stale && setError(asApiError(reason))
      );
    }
    return () => {
      stale = true;
    };
  }, [artifact.digest, wanted]);
  return { blob, error };
}

/** The server's type decides, which it took from the bytes. */
function Content(props: { artifact: IArtifact; blob: Blob; name: string }): JSX.Element {
  const { blob, artifact } = props;
  if (blob.type.startsWith('image/')) {
    return <Picture {...props} />;
  }
  if (blob.type.startsWith('text/')) {
    return artifact.path.endsWith('.csv') ? <CsvTable {...props} /> : <Text {...props} />;
  }
  return <Save {...props} />;
}

function useUrl(blob: Blob): string | null {
  const [url, setUrl] = useState<string | null>(null);
  useEffect(() => {
    const made = URL.createObjectURL(blob);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [blob]);
  return url;
}

function Picture(props: { blob: Blob; name: string }): JSX.Element | null {
  const url = useUrl(props.blob);
  return url === null ? null : <img className="tb-Picture" src={url} alt={props.name} />;
}

function Save(props: { artifact: IArtifact; blob: Blob }): JSX.Element | null {
  const url = useUrl(props.blob);
  return url === null ? null : (
    <a className="tb-LinkButton" href={url} download={baseName(props.artifact.path)}>
      Save this file
    </a>
  );
}

function useText(blob: Blob): string | null {
  const [text, setText] = useState<string | null>(null);
  useEffect(() => {
    let stale = false;
    void blob.text().then(value => !stale && setText(value));
    return () => {
      stale = true;
    };
  }, [blob]);
  return text;
}

/** The end of a text, which tends to matter most; the rest when asked for. */
export function Text(props: { blob: Blob; name: string }): JSX.Element | null {
  const text = useText(props.blob);
  return text === null ? null : <LongText text={stripAnsi(text)} name={props.name} from="end" />;
}

/** Text of which only one end is shown until somebody asks for all. */
export function LongText(props: {
  text: string;
  name: string;
  from: 'begin' | 'end';
}): JSX.Element {
  const [all, setAll] = useState(false);
  const lines = props.text.trimEnd().split('\n');
  const hidden = all ? 0 : Math.max(0, lines.length - LINES);
  const shown = props.from === 'end' ? lines.slice(hidden) : lines.slice(0, lines.length - hidden);
  const more = hidden > 0 && (
    <button className="tb-LinkButton" onClick={() => setAll(true)}>
      Show all {count(lines.length, 'line')}
    </button>
  );
  return (
    <>
      {props.from === 'end' && more}
      <pre className="tb-Code tb-Text" tabIndex={0} role="region" aria-label={props.name}>
        {shown.join('\n')}
      </pre>
      {props.from === 'begin' && more}
    </>
  );
}

function CsvTable(props: { blob: Blob; name: string }): JSX.Element | null {
  const text = useText(props.blob);
  const [limit, setLimit] = useState(ROWS);
  if (text === null) {
    return null;
  }
  const [head = [], ...rows] = parseCsv(text, limit + 2);
  return (
    <div className="tb-Scroll" tabIndex={0} role="group" aria-label={`${props.name}, table`}>
      <table className="tb-Table tb-CsvTable" aria-label={props.name}>
        <thead>
          <tr>
            {head.map((name, index) => (
              <th scope="col" key={index}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, limit).map((row, index) => (
            <tr key={index}>
              {row.map((value, column) => (
                <td key={column} title={value}>
                  {value}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > limit && (
        <button className="tb-LinkButton" onClick={() => setLimit(limit === ROWS ? 200 : 2000)}>
          Show more rows
        </button>
      )}
    </div>
  );
}
