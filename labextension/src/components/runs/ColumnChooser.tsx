import { caretDownIcon } from '@jupyterlab/ui-components';
import { type KeyboardEvent, useEffect, useRef, useState } from 'react';

import type { IColumn } from '../../runs/columns';
import type { IRunsState, RunsModel } from '../../runs/model';
import { moveFocus } from '../hooks';

interface IColumnChooserProps {
  readonly model: RunsModel;
  readonly state: IRunsState;
}

/** How many columns of a kind are listed until somebody searches. */
const LISTED = 200;

/** A button under which the columns of the table are chosen. */
export function ColumnChooser(props: IColumnChooserProps): JSX.Element {
  const [open, setOpen] = useState(false);
  const host = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    const leave = (event: Event): void => {
      if (!host.current?.contains(event.target as Node)) {
        setOpen(false);
      }
    };
    document.addEventListener('pointerdown', leave);
    document.addEventListener('focusin', leave);
    return () => {
      document.removeEventListener('pointerdown', leave);
      document.removeEventListener('focusin', leave);
    };
  }, []);
  const press = (event: KeyboardEvent): void => {
    if (event.key === 'Escape' && open) {
      event.stopPropagation();
      setOpen(false);
      button.current?.focus();
    }
  };
  return (
    <div className="tb-Columns-chooser" ref={host} onKeyDown={press}>
      <button
        ref={button}
        className="tb-Button"
        aria-expanded={open}
        aria-haspopup="dialog"
        onClick={() => setOpen(!open)}
      >
        Columns
        <caretDownIcon.react tag="span" width="16px" height="16px" />
      </button>
      {open && <Popup {...props} />}
    </div>
  );
}

function Popup(props: IColumnChooserProps): JSX.Element {
  const { model, state } = props;
  const [text, setText] = useState('');
  const wanted = state.all.filter(({ title }) => title.toLowerCase().includes(text.toLowerCase()));
  return (
    <div className="tb-Popup" role="dialog" aria-label="Columns" onKeyDown={moveFocus}>
      <input
        className="tb-Filter"
        type="search"
        aria-label="Find a column"
        placeholder="Find a column"
        autoFocus
        value={text}
        onChange={event => setText(event.target.value)}
      />
      <div className="tb-Popup-list">
        {KINDS.map(([kind, title]) => (
          <Kind
            key={kind}
            title={title}
            columns={wanted.filter(column => column.kind === kind)}
            shown={state.shown}
            onToggle={id => model.toggleColumn(id)}
          />
        ))}
        {wanted.length === 0 && <p className="tb-None">No column of this name.</p>}
      </div>
      <div className="tb-Popup-foot">
        <span className="tb-Quiet">{state.shown.length} shown</span>
        <button className="tb-LinkButton" onClick={() => model.setColumns(null)}>
          Reset
        </button>
      </div>
    </div>
  );
}

const KINDS = [
  ['run', 'Run'],
  ['metrics', 'Metrics'],
  ['params', 'Params'],
  ['tags', 'Tags']
] as const;

function Kind(props: {
  title: string;
  columns: readonly IColumn[];
  shown: readonly string[];
  onToggle: (id: string) => void;
}): JSX.Element | null {
  const { columns } = props;
  if (columns.length === 0) {
    return null;
  }
  return (
    <fieldset className="tb-Popup-kind">
      <legend>{props.title}</legend>
      {columns.slice(0, LISTED).map(column => (
        <label key={column.id} title={column.title}>
          <input
            type="checkbox"
            data-row
            checked={props.shown.includes(column.id)}
            onChange={() => props.onToggle(column.id)}
          />
          <span>{column.title}</span>
        </label>
      ))}
      {columns.length > LISTED && (
        <p className="tb-None">and {columns.length - LISTED} more: write a part of the name</p>
      )}
    </fieldset>
  );
}
