import type { Dialog } from '@jupyterlab/apputils';
import { ReactWidget } from '@jupyterlab/ui-components';
import { useState } from 'react';

import type { IRunSummary } from '../../api';
import { type IDraft, draftOf, editOf } from '../../runs/draft';
import type { IRunEdit } from '../../runs/types';

/** The form of the dialog in which runs are edited. */
export class EditBody extends ReactWidget implements Dialog.IBodyWidget<IRunEdit> {
  constructor(private readonly _runs: readonly IRunSummary[]) {
    super();
    this.addClass('tb-Edit');
    this._draft = draftOf(_runs);
  }

  getValue(): IRunEdit {
    return editOf(this._runs, this._draft);
  }

  protected override render(): JSX.Element {
    return (
      <Form
        draft={this._draft}
        single={this._runs.length === 1}
        onChange={draft => (this._draft = draft)}
      />
    );
  }

  private _draft: IDraft;
}

interface IFormProps {
  readonly draft: IDraft;
  readonly single: boolean;
  readonly onChange: (draft: IDraft) => void;
}

function Form(props: IFormProps): JSX.Element {
  const [draft, setDraft] = useState(props.draft);
  const change = (part: Partial<IDraft>): void => {
    const next = { ...draft, ...part };
    setDraft(next);
    props.onChange(next);
  };
  return (
    <div className="tb-Edit-form">
      {props.single && (
        <>
          <label>
            <span>Name</span>
            <input value={draft.name} onChange={event => change({ name: event.target.value })} />
          </label>
          <label>
            <span>Note</span>
            <textarea
              rows={3}
              value={draft.note}
              onChange={event => change({ note: event.target.value })}
            />
          </label>
        </>
      )}
      <Tags tags={draft.tags} onChange={tags => change({ tags })} />
    </div>
  );
}

function Tags(props: {
  tags: IDraft['tags'];
  onChange: (tags: IDraft['tags']) => void;
}): JSX.Element {
  const { tags, onChange } = props;
  const rows = [...tags, ['', ''] as const];
  const set = (index: number, key: string, value: string): void => {
    const next = rows.map((row, at) => (at === index ? ([key, value] as const) : row));
    onChange(next.filter(([name, text]) => name !== '' || text !== ''));
  };
  return (
    <fieldset className="tb-Edit-tags">
      <legend>Tags</legend>
      {rows.map(([key, value], index) => (
        <div key={index} className="tb-Edit-tag">
          <input
            aria-label={`Key of tag ${index + 1}`}
            placeholder="key"
            value={key}
            onChange={event => set(index, event.target.value, value)}
          />
          <input
            aria-label={`Value of tag ${index + 1}`}
            placeholder="value"
            value={value}
            onChange={event => set(index, key, event.target.value)}
          />
          <button
            aria-label={`Remove tag ${key || index + 1}`}
            disabled={index === tags.length}
            onClick={() => onChange(tags.filter((_, at) => at !== index))}
          >
            ×
          </button>
        </div>
      ))}
    </fieldset>
  );
}
