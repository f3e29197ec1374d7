import type { ReactNode } from 'react';

/** The head of a column: its words, or these with the word that its values are numbers, which stand to the right. */
export type Head = string | { readonly number: string };

/** A table that scrolls sideways by itself, also with the keyboard; `children` are its rows. */
export function Table(props: {
  label: string;
  heads: readonly Head[];
  className?: string;
  children: ReactNode;
}): JSX.Element {
  return (
    <div
      className={`tb-Scroll ${props.className ?? ''}`}
      tabIndex={0}
      role="group"
      aria-label={`${props.label}, table`}
    >
      <table className="tb-Table" aria-label={props.label}>
        <thead>
          <tr>{props.heads.map(headCell)}</tr>
        </thead>
        <tbody>{props.children}</tbody>
      </table>
    </div>
  );
}

function headCell(head: Head, place: number): JSX.Element {
  const isNumber = typeof head !== 'string';
  return (
    <th scope="col" className={isNumber ? 'tb-Number' : undefined} key={place}>
      {isNumber ? head.number : head}
    </th>
  );
}
