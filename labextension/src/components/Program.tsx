import type { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import { caretDownIcon, caretRightIcon } from '@jupyterlab/ui-components';
import { useEffect, useId, useState } from 'react';

import type { IRun } from '../api';
import { count, formatSeconds, type ILook, look } from '../format';
import type { IExecution } from '../proof';
import { codeOf, firstLine, givesText, label } from '../program';
import { Code } from './Code';
import { Mark } from './Chip';

/** How many earlier cells are listed before somebody asks for all. */
const SHOWN = 30;

interface IProgramProps {
  readonly run: IRun;
  readonly languages: IEditorLanguageRegistry | null;
  /** The place in the program that somebody asked for, and when, so that asking twice counts. */
  readonly wanted: { readonly place: number; readonly time: number } | null;
}

const LOOKS: Readonly<Record<IExecution['status'], ILook>> = {
  ok: { word: 'ran', sign: '✓', tone: 'good' },
  error: { word: 'failed', sign: '✕', tone: 'bad' },
  unknown: { word: 'not observed', sign: '?', tone: 'quiet' }
};

/** The cells that the run consists of, in the order in which they ran; each unfolds to its code. */
export function Program(props: IProgramProps): JSX.Element {
  const { program } = props.run;
  const [all, setAll] = useState(false);
  const { wanted } = props;
  const first = Math.max(0, program.length - 1 - SHOWN);
  const from = all || first < 3 || (wanted !== null && wanted.place < first) ? 0 : first;
  return (
    <>
      {from > 0 && (
        <button className="tb-LinkButton tb-Program-more" onClick={() => setAll(true)}>
          Show {count(from, 'earlier cell')}
        </button>
      )}
      <ol className="tb-Program" aria-label="Program">
        {program.slice(from).map((execution, index) => (
          <Cell
            key={`${execution.session} ${execution.number}`}
            {...props}
            execution={execution}
            place={from + index}
          />
        ))}
      </ol>
    </>
  );
}

function Cell(props: IProgramProps & { execution: IExecution; place: number }): JSX.Element {
  const { execution, place, wanted } = props;
  const own = place === props.run.program.length - 1;
  const [open, setOpen] = useState(own);
  const id = useId();
  const node = `${id}-cell`;
  useEffect(() => {
    if (wanted?.place === place) {
      setOpen(true);
      const button = document.getElementById(node);
      button?.scrollIntoView({ block: 'center' });
      button?.focus({ preventScroll: true });
    }
  }, [wanted]);
  const Caret = (open ? caretDownIcon : caretRightIcon).react;
  const state = look(LOOKS, execution.status);
  const why = own ? 'the run itself' : givesText(props.run.program, place);
  return (
    <li className={`tb-ProgramCell${own ? ' tb-mod-own' : ''}`}>
      <button
        id={node}
        className="tb-ProgramCell-head"
        aria-expanded={open}
        aria-controls={id}
        aria-label={`Cell ${label(execution)}, ${state.word}, ${why}`}
        onClick={() => setOpen(!open)}
      >
        <Caret tag="span" width="14px" height="14px" />
        <Mark look={state} />
        <span className="tb-ProgramCell-count">{label(execution)}</span>
        <code className="tb-ProgramCell-line">{open ? '' : firstLine(execution.source)}</code>
        <span className="tb-ProgramCell-why" title={why}>
          {why}
        </span>
        <span className="tb-ProgramCell-time tb-Number">{formatSeconds(execution.seconds)}</span>
      </button>
      <div id={id} hidden={!open}>
        {open && (
          <Code
            source={codeOf(execution.source)}
            languages={props.languages}
            label={own ? 'Source of the run' : `Source of cell ${label(execution)}`}
          />
        )}
      </div>
    </li>
  );
}
