import { copyIcon } from '@jupyterlab/ui-components';
import { type ReactNode, useId, useState } from 'react';

/** A part of a document under its heading. */
export function Block(props: { title: string; note?: string; children: ReactNode }): JSX.Element {
  const id = useId();
  return (
    <section className="tb-Block" aria-labelledby={id}>
      <h2 className="tb-Block-title" id={id}>
        {props.title}
        {props.note !== undefined && <span className="tb-Block-note">{props.note}</span>}
      </h2>
      {props.children}
    </section>
  );
}

type Pair = readonly [name: string, value: ReactNode];

/** Names and values, aligned. */
export function Facts(props: { label: string; pairs: readonly Pair[] }): JSX.Element {
  return (
    <dl className="tb-Facts" aria-label={props.label}>
      {props.pairs.map(([name, value]) => (
        <div className="tb-Facts-pair" key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** A two-column table of names and values; numbers stand to the right. */
export function Values(props: {
  label: string;
  head: string;
  values: readonly (readonly [string, string])[];
  numeric?: boolean;
  none: string;
}): JSX.Element {
  if (props.values.length === 0) {
    return <p className="tb-None">{props.none}</p>;
  }
  const kind = props.numeric ? 'tb-Number' : undefined;
  return (
    <table className="tb-Table" aria-label={props.label}>
      <thead>
        <tr>
          <th scope="col">{props.head}</th>
          <th scope="col" className={kind}>
            value
          </th>
        </tr>
      </thead>
      <tbody>
        {props.values.map(([name, value]) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td className={kind}>{value}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** An id or a digest: its first digits, the whole of it to be copied. */
export function Digest(props: { value: string; name: string; length?: number }): JSX.Element {
  return (
    <span className="tb-Digest">
      <code title={props.value}>{props.value.slice(0, props.length ?? 8)}</code>
      <CopyButton value={props.value} name={props.name} />
    </span>
  );
}

export function CopyButton(props: { value: string; name: string }): JSX.Element {
  const [copied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(props.value);
    setCopied(true);
    setTimeout(() => setCopied(false), 1500);
  };
  return (
    <button
      className="tb-IconButton"
      aria-label={`Copy ${props.name}`}
      title={copied ? 'Copied' : `Copy ${props.name}`}
      onClick={() => void copy()}
    >
      {copied ? '✓' : <copyIcon.react tag="span" width="12px" height="12px" />}
    </button>
  );
}
