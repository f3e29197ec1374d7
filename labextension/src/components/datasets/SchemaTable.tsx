import type { IDatasetColumn, IDatasetVersion } from '../../datasets/types';
import { formatNumber, formatPercent } from '../../format';
import { Table } from '../Table';

/** The columns of a version and of its index; a file has none. */
export function SchemaTable(props: { version: IDatasetVersion }): JSX.Element {
  const { schema, source, rows, kind } = props.version;
  if (schema.columns.length === 0) {
    return (
      <p className="tb-None">
        This version is the {kind} {source}. It is kept byte by byte and has no schema.
      </p>
    );
  }
  return (
    <Table label="Schema" heads={['column', 'type', 'dtype', { number: 'missing' }]}>
      {schema.columns.map((column, place) => (
        <Row key={place} column={column} rows={rows} kind={null} />
      ))}
      {schema.index.map((column, place) => (
        <Row key={`index ${place}`} column={column} rows={rows} kind="index" />
      ))}
    </Table>
  );
}

function Row(props: {
  column: IDatasetColumn;
  rows: number | null;
  kind: string | null;
}): JSX.Element {
  const { column, rows, kind } = props;
  return (
    <tr>
      <th scope="row">
        {column.name} {kind && <span className="tb-Quiet">{kind}</span>}
      </th>
      <td>{column.type}</td>
      <td>
        <code>{column.dtype}</code>
      </td>
      <td className="tb-Number">
        {column.nulls === 0
          ? '0'
          : `${formatNumber(column.nulls)}${rows ? ` (${formatPercent(column.nulls / rows)})` : ''}`}
      </td>
    </tr>
  );
}
