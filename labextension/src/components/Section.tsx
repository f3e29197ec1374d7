import { caretDownIcon, caretRightIcon } from '@jupyterlab/ui-components';
import { type ReactNode, useId, useState } from 'react';

interface ISectionProps {
  readonly title: string;
  readonly total: string | null;
  readonly children: ReactNode;
}

/** One part of the panel under a heading that folds it. */
export function Section(props: ISectionProps): JSX.Element {
  const [open, setOpen] = useState(true);
  const id = useId();
  const Caret = (open ? caretDownIcon : caretRightIcon).react;
  return (
    <section className="tb-Section" aria-labelledby={`${id}-title`}>
      <h2 className="tb-Section-heading">
        <button
          className="tb-Section-toggle"
          aria-expanded={open}
          aria-controls={`${id}-body`}
          onClick={() => setOpen(!open)}
        >
          <Caret tag="span" width="16px" height="16px" />
          <span id={`${id}-title`}>{props.title}</span>
          {props.total !== null && <span className="tb-Section-total">{props.total}</span>}
        </button>
      </h2>
      <div id={`${id}-body`} className="tb-Section-body" hidden={!open}>
        {open && props.children}
      </div>
    </section>
  );
}
