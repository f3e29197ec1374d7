import type { ILook } from '../format';

/** A state as a pill: sign, word and colour say the same. */
export function Chip(props: { look: ILook; title?: string }): JSX.Element {
  const { look } = props;
  return (
    <span className={`tb-Chip tb-tone-${look.tone}`} title={props.title}>
      <span className="tb-Chip-sign" aria-hidden="true">
        {look.sign}
      </span>
      {look.word}
    </span>
  );
}

/** The sign of a state alone; whoever uses it says the word beside it. */
export function Mark(props: { look: ILook }): JSX.Element {
  return (
    <span className={`tb-Mark tb-tone-${props.look.tone}`} aria-hidden="true">
      {props.look.sign}
    </span>
  );
}
