import type { IEditorLanguageRegistry } from '@jupyterlab/codemirror';

import type { TrackbookApi } from '../../api';
import { formatNumber } from '../../format';
import type { Cell, IBlock, ICard } from '../../models/types';
import { Code } from '../Code';
import { useLoaded } from '../hooks';
import { Notice, Problem } from '../Problem';
import { Table } from '../Table';
import { Intervals } from './Intervals';

interface ICardViewProps {
  readonly api: TrackbookApi;
  readonly name: string;
  readonly version: number;
  readonly languages: IEditorLanguageRegistry | null;
}

/** The model card, drawn from its parts: no stored HTML or Markdown is rendered. */
export function CardView(props: ICardViewProps): JSX.Element {
  const { api, name, version } = props;
  const { value, error } = useLoaded(
    () => api.modelCard(name, version),
    () => false,
    1000,
    [name, version]
  );
  if (error) {
    return <Problem error={error} />;
  }
  return value === null ? (
    <p className="tb-None">Writing the card …</p>
  ) : (
    <Card {...props} card={value} />
  );
}

function Card(props: ICardViewProps & { card: ICard }): JSX.Element {
  const { card, name, version } = props;
  return (
    <div className="tb-Card" role="group" aria-label={`Model card of ${card.title}`}>
      {card.warnings.map(warning => (
        <Notice key={warning} tone="bad" title={warning} />
      ))}
      <p>
        <button
          className="tb-LinkButton"
          onClick={() => save(`${name}-${version}.md`, card.markdown)}
        >
          Save as Markdown
        </button>
      </p>
      {card.sections.map(section => (
        <details
          className="tb-Card-section"
          key={section.title}
          open={OPEN.includes(section.title)}
        >
          <summary>{section.title}</summary>
          {section.blocks.map((block, place) => (
            <Block key={place} block={block} title={section.title} languages={props.languages} />
          ))}
        </details>
      ))}
    </div>
  );
}

/** What a reviewer asks first. */
const OPEN: readonly string[] = [
  'Summary',
  'Intended use',
  'Limits',
  'Data',
  'Metrics',
  'Fairness'
];

function Block(props: {
  block: IBlock;
  title: string;
  languages: IEditorLanguageRegistry | null;
}): JSX.Element | null {
  const { block, title } = props;
  switch (block.kind) {
    case 'text':
      return (
        <p className={block.red ? 'tb-Card-red' : block.missing ? 'tb-None' : 'tb-Card-text'}>
          {block.text}
        </p>
      );
    case 'code':
      return (
        <Code source={block.text} languages={props.languages} label="Program of the version" />
      );
    case 'table':
      return (
        <Table label={block.caption || title} heads={block.heads}>
          {block.rows.map((row, place) => (
            <tr key={place} className={block.red.includes(place) ? 'tb-Card-red' : undefined}>
              {row.map((cell, column) => (
                <CellOf key={column} cell={cell} />
              ))}
            </tr>
          ))}
        </Table>
      );
    case 'intervals':
      return (
        <Intervals
          label={`${title} with their intervals`}
          marks={[]}
          intervals={block.measures.flatMap(({ metric, slice, value, low, high, rows }) =>
            low === null || high === null
              ? []
              : [
                  {
                    label: [metric, slice].filter(Boolean).join(', '),
                    value,
                    low,
                    high,
                    passed: null,
                    note: rows === null ? '' : `${rows.toLocaleString('en-US')} rows`
                  }
                ]
          )}
        />
      );
    case 'graph':
      return <p className="tb-None">It is drawn above, under Lineage.</p>;
  }
}

function CellOf(props: { cell: Cell }): JSX.Element {
  const { cell } = props;
  return typeof cell === 'number' ? (
    <td className="tb-Number">{formatNumber(cell)}</td>
  ) : (
    <td>{cell ?? '–'}</td>
  );
}

function save(name: string, text: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], { type: 'text/markdown' }));
  link.download = name.replace(/[^\w.-]/g, '_');
  link.click();
  URL.revokeObjectURL(link.href);
}
