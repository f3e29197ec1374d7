import { closeIcon } from '@jupyterlab/ui-components';
import { type ReactNode, useEffect, useRef } from 'react';

import type { ApiError } from '../api';
import { explain } from '../problems';

interface INoticeProps {
  readonly tone: 'bad' | 'good';
  readonly title: string;
  readonly children?: ReactNode;
  readonly onDismiss?: () => void;
}

/** A message in the flow of the page: an alert when it is bad news, a status otherwise. */
export function Notice(props: INoticeProps): JSX.Element {
  const node = useRef<HTMLDivElement>(null);
  useEffect(
    () => node.current?.scrollIntoView({ block: 'nearest' }),
    [props.title, props.children]
  );
  return (
    <div
      ref={node}
      className={`tb-Notice tb-tone-${props.tone}`}
      role={props.tone === 'bad' ? 'alert' : 'status'}
    >
      <div className="tb-Notice-body">
        <strong>{props.title}</strong>
        {props.children !== undefined && <p>{props.children}</p>}
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

/** What went wrong and what to do now. */
export function Problem(props: { error: ApiError }): JSX.Element {
  const { title, text } = explain(props.error);
  return (
    <Notice tone="bad" title={title}>
      {text}
    </Notice>
  );
}
