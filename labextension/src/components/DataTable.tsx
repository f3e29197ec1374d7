import type { IRunData } from '../api';
import { columnChanges, type IUse } from '../data';
import { baseName, count, formatNumber, formatSize } from '../format';
import { Digest } from './Facts';
import { type Head, Table } from './Table';

/** How many rows are shown before somebody asks for all. */
const SHOWN = 100;

const HEADS: readonly Head[] = ['name', 'kind', { number: 'size' }, 'fingerprint'];
const HEADS_OF_CHANGES: readonly Head[] = [
  'name',
  'kind',
  { number: 'size' },
  'fingerprint before',
  'fingerprint after',
  'changed'
];

/** What a run read, or what it wrote and changed, with fingerprints or why there is none. */
export function DataTable(props: {
  label: string;
  uses: readonly IUse[];
  none: string;
}): JSX.Element {
  const { label, uses } = props;
  if (uses.length === 0) {
    return <p className="tb-None">{props.none}</p>;
  }
  const changes = uses.some(use => use.before !== null && use.after !== null);
  return (
    <>
      <Table label={label} heads={changes ? HEADS_OF_CHANGES : HEADS}>
        {uses.slice(0, SHOWN).map(use => (
          <Row key={use.name} use={use} changes={changes} />
        ))}
      </Table>
      {uses.length > SHOWN && (
        <p className="tb-None">and {count(uses.length - SHOWN, 'more thing')}</p>
      )}
    </>
  );
}

function Row(props: { use: IUse; changes: boolean }): JSX.Element {
  const { use } = props;
  const shown = use.after ?? use.before;
  const columns = shown?.columns ? Object.keys(shown.columns) : null;
  const isPath = use.kind === 'file' || use.kind === 'module' || use.kind === 'folder';
  return (
    <tr data-name={use.name}>
      <th scope="row" title={use.name} tabIndex={-1}>
        {isPath ? baseName(use.name) : use.name}
      </th>
      <td>{use.kind}</td>
      <td className="tb-Number" title={columns?.slice(0, 60).join(', ')}>
        {shown ? extent(shown) : '–'}
      </td>
      {props.changes && <td>{use.before ? <Fingerprint item={use.before} /> : <New />}</td>}
      <td>{shown && <Fingerprint item={shown} />}</td>
      {props.changes && (
        <td className="tb-Why">
          <Changes use={use} />
        </td>
      )}
    </tr>
  );
}

function New(): JSX.Element {
  return <span className="tb-Quiet">new</span>;
}

function Fingerprint(props: { item: IRunData }): JSX.Element {
  const { fingerprint, name, reason } = props.item;
  return fingerprint ? (
    <Digest value={fingerprint} name={`the fingerprint of ${name}`} length={12} />
  ) : (
    <span className="tb-Quiet tb-Reason">{reason ?? 'none'}</span>
  );
}

function Changes(props: { use: IUse }): JSX.Element | null {
  const { before, after } = props.use;
  const changes = columnChanges(props.use);
  if (before === null || after === null) {
    return null;
  }
  if (changes === null) {
    return <>{after.role === 'mutated' ? 'changed in place' : 'replaced'}</>;
  }
  const parts = [
    ...names('', changes.changed),
    ...names('new ', changes.added),
    ...names('without ', changes.removed)
  ];
  const rows = before.rows !== after.rows ? [`${before.rows} → ${after.rows} rows`] : [];
  return <>{[...parts, ...rows].join('; ') || 'the order or the index'}</>;
}

function names(word: string, columns: readonly string[]): readonly string[] {
  if (columns.length === 0) {
    return [];
  }
  const more = columns.length > 6 ? ` and ${columns.length - 6} more` : '';
  return [`${word}${columns.slice(0, 6).join(', ')}${more}`];
}

/** `442 × 11` for a frame, `442 rows` for a series, bytes for a file. */
function extent(item: IRunData): string {
  if (item.rows !== null) {
    const columns = item.columns && Object.keys(item.columns).length;
    return columns ? `${formatNumber(item.rows)} × ${columns}` : count(item.rows, 'row');
  }
  return item.size === null ? '–' : formatSize(item.size);
}
