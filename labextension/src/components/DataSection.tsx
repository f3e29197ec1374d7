import type { IDataset } from '../datasets/types';
import { count, formatAgo } from '../format';
import type { IState } from '../model';
import { extentOf } from './datasets/DatasetDocument';
import { Empty } from './Empty';
import { moveFocus, useNow } from './hooks';
import { Problem } from './Problem';
import { Section } from './Section';

interface IDataSectionProps {
  readonly state: IState;
  readonly onOpen: (name: string) => void;
}

/** The datasets of the project, each with its newest version. */
export function DataSection(props: IDataSectionProps): JSX.Element {
  const { datasets, problems } = props.state;
  const now = useNow(10_000);
  return (
    <Section title="Data" total={datasets ? String(datasets.length) : null}>
      {problems.data && <Problem error={problems.data} />}
      {!problems.data && datasets?.length === 0 && (
        <Empty title="No dataset versions yet.">
          Run <code>%snapshot NAME VARIABLE</code> with a frame, or <code>tb.snapshot</code>.
        </Empty>
      )}
      {datasets && datasets.length > 0 && (
        <ul className="tb-List" aria-label="Datasets" onKeyDown={moveFocus}>
          {datasets.map(dataset => (
            <li key={dataset.name}>
              <DatasetButton dataset={dataset} now={now} onOpen={props.onOpen} />
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}

function DatasetButton(props: {
  dataset: IDataset;
  now: number;
  onOpen: IDataSectionProps['onOpen'];
}): JSX.Element {
  const { dataset, now } = props;
  const { newest, name } = dataset;
  const facts = `${count(dataset.versions, 'version')} · ${extentOf(newest)}`;
  const ago = formatAgo(newest.created_time, now);
  return (
    <button
      className="tb-Row"
      data-row
      aria-label={`Dataset ${name}, ${facts.replace(' · ', ', ')}, ${ago}`}
      onClick={() => props.onOpen(name)}
    >
      <span className="tb-Mark tb-tone-quiet" aria-hidden="true">
        {newest.version}
      </span>
      <span className="tb-Row-main">
        <span className="tb-Row-line">
          <span className="tb-Row-name" title={name}>
            {name}
          </span>
        </span>
        <span className="tb-Row-line tb-Row-detail">
          <span className="tb-Row-facts">{facts}</span>
          <span className="tb-Row-time">{ago}</span>
        </span>
      </span>
    </button>
  );
}
