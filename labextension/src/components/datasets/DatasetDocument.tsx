import { useState } from 'react';

import type { TrackbookApi } from '../../api';
import type { IDatasetVersion } from '../../datasets/types';
import { count, formatNumber, formatSize, formatTime } from '../../format';
import type { INode } from '../../proof';
import { Block, Digest, Facts } from '../Facts';
import { useLoaded } from '../hooks';
import { DATASET_TITLES } from '../../layout';
import { Lineage } from '../Lineage';
import { Problem } from '../Problem';
import { Difference } from './Difference';
import { SchemaTable } from './SchemaTable';
import { Versions } from './Versions';

export interface IDatasetDocumentProps {
  readonly api: TrackbookApi;
  readonly name: string;
  readonly onOpenRun: (runId: string, name: string) => void;
  readonly onShowPanel: () => void;
}

/** Milliseconds between two looks for a new version. */
const INTERVAL = 5000;

/** A dataset: its versions, what each holds, how two differ, and where they come from and go to. */
export function DatasetDocument(props: IDatasetDocumentProps): JSX.Element {
  const { value, error } = useLoaded(
    () => props.api.datasetVersions(props.name),
    () => true,
    INTERVAL
  );
  if (error) {
    return <Problem error={error} />;
  }
  const [newest] = value ?? [];
  if (value === null || newest === undefined) {
    return <p className="tb-None">Loading the dataset …</p>;
  }
  return <DatasetPage {...props} versions={value} newest={newest} />;
}

function DatasetPage(
  props: IDatasetDocumentProps & {
    versions: readonly IDatasetVersion[];
    newest: IDatasetVersion;
  }
): JSX.Element {
  const { api, versions, newest, name } = props;
  const [chosen, setChosen] = useState<number | null>(null);
  const shown = versions.find(each => each.version === chosen) ?? newest;
  const open = (node: INode | null): void => {
    if (node?.kind === 'run' && node.run_id !== null) {
      props.onOpenRun(node.run_id, node.label);
    } else if (node?.kind === 'model_version') {
      props.onShowPanel();
    }
  };
  return (
    <article className="tb-Document" aria-label={`Dataset ${name}`}>
      <header className="tb-Document-header">
        <div className="tb-Document-heading">
          <h1>{name}</h1>
        </div>
        <Facts
          label="About the dataset"
          pairs={[
            ['Versions', formatNumber(versions.length)],
            ['Newest', `${newest.version}, ${extentOf(newest)}`],
            ['Made', formatTime(newest.created_time)],
            ['By', newest.created_by],
            ['Use it as', <Digest value={shown.uri} name="the name of this version" length={60} />]
          ]}
        />
      </header>
      <Block title="Versions" note="newest first; choose one to look at">
        <Versions
          versions={versions}
          chosen={shown.version}
          onChoose={setChosen}
          onOpenRun={props.onOpenRun}
        />
      </Block>
      {versions.length > 1 && (
        <Block title="Difference">
          <Difference api={api} name={name} versions={versions} version={shown.version} />
        </Block>
      )}
      <Block title="Schema" note={`of version ${shown.version}`}>
        <SchemaTable version={shown} />
      </Block>
      <Block title="Lineage" note={`of version ${shown.version}`}>
        <Lineage
          key={shown.version}
          load={() => api.datasetLineage(name, shown.version)}
          titles={DATASET_TITLES}
          none="No run made or read this version, as far as Trackbook saw."
          onOpen={open}
        />
      </Block>
    </article>
  );
}

/** `442 rows × 11`, or the size of a file or folder. */
export function extentOf(version: IDatasetVersion): string {
  return version.rows === null
    ? `${version.kind}, ${formatSize(version.size)}`
    : `${count(version.rows, 'row')} × ${version.columns ?? 0}`;
}
