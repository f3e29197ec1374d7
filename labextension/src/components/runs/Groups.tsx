import { count, formatNumber, look, RUN_LOOKS } from '../../format';
import type { IRunsState, RunsModel } from '../../runs/model';
import type { IRunGroup } from '../../runs/types';
import { moveFocus } from '../hooks';

interface IGroupsProps {
  readonly model: RunsModel;
  readonly state: IRunsState;
}

/** The groups beside the table: how many runs each has, and the spread of the first metric that is shown. */
export function Groups(props: IGroupsProps): JSX.Element {
  const { model, state } = props;
  const { groups } = state;
  const total = groups?.groups.reduce((sum, group) => sum + group.runs, 0) ?? 0;
  return (
    <nav className="tb-Groups" aria-label={`Groups by ${state.by ?? ''}`} onKeyDown={moveFocus}>
      <div className="tb-Groups-head">
        <span className="tb-Groups-title" title={state.by ?? ''}>
          {state.by}
        </span>
        {groups?.metric && (
          <span
            className="tb-Quiet"
            title={`Mean of ${groups.metric}, and from the least to the largest`}
          >
            mean {groups.metric}
          </span>
        )}
      </div>
      {groups === null ? (
        <p className="tb-None">Counting …</p>
      ) : (
        <ul className="tb-List">
          <Group
            title="all runs"
            runs={total}
            chosen={state.group === null}
            onChoose={() => model.chooseGroup(null)}
          />
          {groups.groups.map(group => (
            <Group
              key={JSON.stringify(group.value)}
              title={titleOf(state.by, group)}
              runs={group.runs}
              metric={group.metric}
              chosen={state.group !== null && state.group.value === group.value}
              onChoose={() => model.chooseGroup(group)}
            />
          ))}
        </ul>
      )}
      {groups !== null && groups.more > 0 && (
        <p className="tb-None">and {count(groups.more, 'smaller group')}</p>
      )}
    </nav>
  );
}

function titleOf(by: string | null, group: IRunGroup): string {
  if (group.value === null) {
    return 'without';
  }
  return by === 'status' ? look(RUN_LOOKS, group.value).word : group.value || '(empty)';
}

function Group(props: {
  title: string;
  runs: number;
  metric?: IRunGroup['metric'];
  chosen: boolean;
  onChoose: () => void;
}): JSX.Element {
  const { metric } = props;
  return (
    <li>
      <button
        className={`tb-Group${props.chosen ? ' tb-mod-chosen' : ''}`}
        data-row
        aria-pressed={props.chosen}
        onClick={props.onChoose}
      >
        <span className="tb-Group-line">
          <span className="tb-Group-name" title={props.title}>
            {props.title}
          </span>
          {metric && <span className="tb-Number">{formatNumber(metric.mean)}</span>}
        </span>
        <span className="tb-Group-line tb-Quiet">
          <span>{count(props.runs, 'run')}</span>
          {metric && (
            <span className="tb-Number">
              {formatNumber(metric.min)} to {formatNumber(metric.max)}
            </span>
          )}
        </span>
      </button>
    </li>
  );
}
