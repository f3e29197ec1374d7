import { NAME } from '../../runs/columns';
import type { IRunsState, RunsModel } from '../../runs/model';
import { keyOf } from '../../runs/query';
import { ColumnChooser } from './ColumnChooser';

interface IChoosersProps {
  readonly model: RunsModel;
  readonly state: IRunsState;
}

/** Which experiment, in which groups, in which order, with which columns. */
export function Choosers(props: IChoosersProps): JSX.Element {
  return (
    <div className="tb-Choosers" role="group" aria-label="What is shown">
      <Experiment {...props} />
      <Grouping {...props} />
      <Order {...props} />
      <ColumnChooser {...props} />
    </div>
  );
}

function Experiment(props: IChoosersProps): JSX.Element {
  const { model, state } = props;
  const names = state.keys?.experiments ?? [];
  return (
    <label className="tb-Choice">
      <span>Experiment</span>
      <select
        value={state.experiment ?? ''}
        onChange={event => model.setExperiment(event.target.value || null)}
      >
        <option value="">all</option>
        {names.map(name => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

function Grouping(props: IChoosersProps): JSX.Element {
  const { model, state } = props;
  return (
    <label className="tb-Choice">
      <span>Group by</span>
      <select value={state.by ?? ''} onChange={event => model.groupBy(event.target.value || null)}>
        <option value="">nothing</option>
        <option value="experiment">experiment</option>
        <option value="status">status</option>
        <optgroup label="Params">
          {(state.keys?.params ?? []).map(name => (
            <option key={name} value={keyOf('params', name)}>
              {name}
            </option>
          ))}
        </optgroup>
        <optgroup label="Tags">
          {(state.keys?.tags ?? []).map(name => (
            <option key={name} value={keyOf('tags', name)}>
              {name}
            </option>
          ))}
        </optgroup>
      </select>
    </label>
  );
}

/** The same as the headers of the table, for the keyboard, and for columns that are not shown. */
function Order(props: IChoosersProps): JSX.Element {
  const { model, state } = props;
  const { order } = state;
  const columns = [NAME, ...state.all];
  const choose = (key: string): void => {
    const numeric = columns.find(column => column.order === key)?.numeric ?? false;
    model.setOrder(key === '' ? null : { key, descending: numeric });
  };
  const descending = order?.descending ?? true;
  return (
    <span className="tb-Choice">
      <label>
        <span>Sort by</span>
        <select value={order?.key ?? ''} onChange={event => choose(event.target.value)}>
          <option value="">newest</option>
          {columns.map(column => (
            <option key={column.id} value={column.order}>
              {column.kind === 'run' ? column.title.toLowerCase() : column.id}
            </option>
          ))}
        </select>
      </label>
      <button
        className="tb-IconButton"
        disabled={order === null}
        aria-label={descending ? 'Sort ascending' : 'Sort descending'}
        title={
          descending
            ? 'Largest first; press for the smallest'
            : 'Smallest first; press for the largest'
        }
        onClick={() => order && model.setOrder({ ...order, descending: !descending })}
      >
        {descending ? '↓' : '↑'}
      </button>
    </span>
  );
}
