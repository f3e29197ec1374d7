import { closeIcon } from '@jupyterlab/ui-components';
import { useEffect, useRef } from 'react';

import type { ApiError } from '../api';
import { explain } from '../problems';

interface INoticeProps {
  readonly tone: 'bad' | 'good';
  readonly title: string;
  readonly children?: string;
  readonly onDismiss?: () => void;
}

/** A message in the flow of the page: an alert when it is bad news, a status otherwise. */
export function Notice(props: INoticeProps): JSX.Element {
  const node = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // Chromium returns a promise here, which React would take for the function that cleans up.
    void node.current?.scrollIntoView({ block: 'nearest' });
  }, [props.title, props.children]);
  return (
    <div
      ref={node}
      className={`tb-Notice tb-tone-${props.tone}`}
      role={props.tone === 'bad' ? 'alert' : 'status'}
    >
      <div className="tb-Notice-body">
        <strong>{props.title}</strong>
        {props.children !== undefined && <Message text={props.children} />}
      </div>
      {props.onDismiss && (
        <button
          className="tb-IconButton"
          aria-label="Dismiss this message"
          title="Dismiss this message"
          onClick={props.onDismiss}
        >
          <closeIcon.react tag="span" width="14px" height="14px" />
        </button>
      )}
    </div>
  );
}

/** A message; lines after the first are a quotation with a pointer under it, which needs even letters. */
function Message(props: { text: string }): JSX.Element {
  const [first, ...quoted] = props.text.split('\n');
  return (
    <>
      <p>{first}</p>
      {quoted.length > 0 && <pre>{quoted.join('\n')}</pre>}
    </>
  );
}

/** What went wrong and what to do now. */
export function Problem(props: { error: ApiError }): JSX.Element {
  const { title, text } = explain(props.error);
  return (
    <Notice tone="bad" title={title}>
      {text}
    </Notice>
  );
}
