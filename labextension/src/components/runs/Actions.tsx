import { Dialog, showDialog } from '@jupyterlab/apputils';
import { useEffect } from 'react';

import { count } from '../../format';
import type { IRunsState, RunsModel } from '../../runs/model';
import { COMPARED_RUNS } from '../../tokens';
import { EditBody } from './EditBody';

/** How many runs are shown and selected, and what can be done with these. */
export function Actions(props: { model: RunsModel; state: IRunsState }): JSX.Element {
  const { model, state } = props;
  const { selection } = model.table;
  const number = selection.size;
  const edit = (): void => void askEdit(model);
  useEffect(() => {
    model.editing.connect(edit);
    return () => void model.editing.disconnect(edit);
  }, [model]);
  return (
    <div className="tb-Actions" role="toolbar" aria-label="Selected runs">
      <span className="tb-Actions-count">
        {model.source.loading ? 'Loading …' : count(model.source.total, 'run')}
        {number > 0 && <span className="tb-Quiet">, {number} selected</span>}
      </span>
      <Action
        name="Open"
        enabled={number > 0 && number <= 10}
        onPress={() => model.openSelected()}
      />
      <Action
        name="Compare"
        enabled={number > 1 && number <= COMPARED_RUNS}
        hint={`Select 2 to ${COMPARED_RUNS} runs`}
        onPress={() => model.compareSelected()}
      />
      <Action name={number > 1 ? 'Tag' : 'Edit'} enabled={number > 0} onPress={edit} />
      <Action
        name="Delete"
        enabled={number > 0 && state.deletion?.state !== 'pending'}
        onPress={() => void model.remove()}
      />
    </div>
  );
}

function Action(props: {
  name: string;
  enabled: boolean;
  hint?: string;
  onPress: () => void;
}): JSX.Element {
  return (
    <button
      className="tb-Button"
      disabled={!props.enabled}
      title={props.enabled ? '' : (props.hint ?? 'Select a run first')}
      onClick={props.onPress}
    >
      {props.name}
    </button>
  );
}

/** Ask for name, note and tags of one run, or for tags of several. */
async function askEdit(model: RunsModel): Promise<void> {
  const { runs } = model.table.selection;
  if (runs.length === 0) {
    return;
  }
  const body = new EditBody(runs);
  const [first] = runs;
  const title =
    runs.length === 1 && first ? `Edit ${first.run_name}` : `Tag ${count(runs.length, 'run')}`;
  const buttons = [Dialog.cancelButton(), Dialog.okButton({ label: 'Save' })];
  const result = await showDialog({ title, body, buttons, focusNodeSelector: 'input' });
  if (result.button.accept && result.value !== null && Object.keys(result.value).length > 0) {
    await model.edit(runs, result.value);
  }
  model.table.focus();
}
