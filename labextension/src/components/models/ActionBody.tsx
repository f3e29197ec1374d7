import { Dialog, showDialog } from '@jupyterlab/apputils';
import { ReactWidget } from '@jupyterlab/ui-components';
import { useState } from 'react';

import type { IStanding } from '../../models/types';
import { Standing } from './Standing';

/** A step that changes something, and what is asked before it is taken. */
export interface IAction {
  readonly title: string;
  /** What will happen, in a sentence. */
  readonly text: string;
  /** What the text that is asked for is called. */
  readonly field: string;
  readonly required: boolean;
  readonly button: string;
  /** The step cannot be undone by another click, or goes against somebody. */
  readonly grave: boolean;
  readonly version: number;
  /** What the version lacks; shown before anything is done. */
  readonly standing: IStanding | null;
  /** Whether it can be done against gates and approvals. */
  readonly overridable: boolean;
  /** Whether another word is asked for, such as the name of an alias. */
  readonly named?: string;
}

export interface IWord {
  readonly text: string;
  readonly override: boolean;
  readonly name: string;
}

/** Ask until it is answered or given up; null when it was. */
export async function ask(action: IAction): Promise<IWord | null> {
  let word: IWord = { text: '', override: false, name: '' };
  let problem: string | null = null;
  for (;;) {
    const body = new ActionBody(action, word, problem);
    const ok = action.grave ? Dialog.warnButton : Dialog.okButton;
    const { button, value } = await showDialog<IWord>({
      title: action.title,
      body,
      buttons: [Dialog.cancelButton(), ok({ label: action.button })],
      focusNodeSelector: action.named === undefined ? 'textarea' : 'input'
    });
    if (!button.accept || value === null) {
      return null;
    }
    word = value;
    problem = missing(action, word);
    if (problem === null) {
      return word;
    }
  }
}

/** What is still to be said, in a sentence; null when nothing is. */
export function missing(action: IAction, word: IWord): string | null {
  if (action.named !== undefined && word.name.trim() === '') {
    return `${action.named} is needed.`;
  }
  if (word.override && word.text.trim() === '') {
    return 'An override needs a reason: it is kept in the audit trail and shown in red.';
  }
  return action.required && word.text.trim() === '' ? `${action.field} is needed.` : null;
}

class ActionBody extends ReactWidget implements Dialog.IBodyWidget<IWord> {
  constructor(
    private readonly _action: IAction,
    private _word: IWord,
    private readonly _problem: string | null
  ) {
    super();
    this.addClass('tb-Edit');
    this.addClass('tb-Page');
    this.addClass('tb-Action');
  }

  getValue(): IWord {
    return this._word;
  }

  protected override render(): JSX.Element {
    return (
      <Form
        action={this._action}
        word={this._word}
        problem={this._problem}
        onChange={word => (this._word = word)}
      />
    );
  }
}

function Form(props: {
  action: IAction;
  word: IWord;
  problem: string | null;
  onChange: (word: IWord) => void;
}): JSX.Element {
  const { action } = props;
  const [word, setWord] = useState(props.word);
  const change = (part: Partial<IWord>): void => {
    const next = { ...word, ...part };
    setWord(next);
    props.onChange(next);
  };
  return (
    <div className="tb-Edit-form">
      <p className="tb-Action-text">{action.text}</p>
      {action.standing && <Standing standing={action.standing} version={action.version} />}
      {props.problem !== null && (
        <p role="alert" className="tb-Card-red">
          {props.problem}
        </p>
      )}
      {action.named !== undefined && (
        <label>
          <span>{action.named}</span>
          <input value={word.name} onChange={event => change({ name: event.target.value })} />
        </label>
      )}
      {action.overridable && action.standing?.ready === false && (
        <label className="tb-Action-override tb-tone-bad">
          <input
            type="checkbox"
            checked={word.override}
            onChange={event => change({ override: event.target.checked })}
          />
          <span className="tb-Word">
            Override: do it all the same. It is recorded as an override, with its reason, and shown
            in red everywhere.
          </span>
        </label>
      )}
      <label>
        <span>
          {action.field}
          {action.required || word.override ? '' : ', if there is something to say'}
        </span>
        <textarea
          rows={3}
          value={word.text}
          onChange={event => change({ text: event.target.value })}
        />
      </label>
    </div>
  );
}
