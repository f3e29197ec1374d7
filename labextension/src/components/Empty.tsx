import type { ReactNode } from 'react';

/** What a list says while it has nothing to list: what would fill it. */
export function Empty(props: { title: string; children: ReactNode }): JSX.Element {
  return (
    <p className="tb-Empty">
      <strong>{props.title}</strong> {props.children}
    </p>
  );
}
