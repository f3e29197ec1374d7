import { useId } from 'react';

import { sentence } from '../../format';
import type { IRunParam } from '../../pipeline/runTypes';

interface IParamsProps {
  readonly params: readonly IRunParam[];
  /** What somebody has typed, by the names of params; the others have their defaults. */
  readonly given: Readonly<Record<string, string>>;
  readonly faults: Readonly<Record<string, string>>;
  readonly onChange: (given: Readonly<Record<string, string>>) => void;
  readonly onRun: () => void;
}

/** The params of the next run: a field for each, with its type, its default and what is wrong with it. */
export function Params(props: IParamsProps): JSX.Element {
  const { params, given } = props;
  const set = (name: string, value: string | null): void => {
    const rest = Object.fromEntries(Object.entries(given).filter(([other]) => other !== name));
    props.onChange(value === null ? rest : { ...rest, [name]: value });
  };
  return (
    <form
      className="tb-Params"
      aria-label="Parameters of the next run"
      onSubmit={event => {
        event.preventDefault();
        props.onRun();
      }}
    >
      {params.map(param => (
        <Field
          key={param.name}
          param={param}
          value={given[param.name] ?? null}
          fault={props.faults[param.name] ?? null}
          onChange={value => set(param.name, value === param.default ? null : value)}
        />
      ))}
      {Object.keys(given).length > 0 && (
        <button type="button" className="tb-LinkButton" onClick={() => props.onChange({})}>
          Back to the defaults
        </button>
      )}
    </form>
  );
}

function Field(props: {
  param: IRunParam;
  value: string | null;
  fault: string | null;
  onChange: (value: string) => void;
}): JSX.Element {
  const { param, value, fault } = props;
  const id = useId();
  const shared = {
    id,
    value: value ?? param.default ?? '',
    'aria-invalid': fault !== null,
    'aria-describedby': `${id}-type${fault === null ? '' : ` ${id}-fault`}`
  };
  return (
    <div className={`tb-Params-field${value === null ? '' : ' tb-mod-changed'}`}>
      <label htmlFor={id}>
        <code>{param.name}</code>
      </label>
      {param.choices === null ? (
        <input
          {...shared}
          className="tb-Input"
          spellCheck={false}
          autoComplete="off"
          onChange={event => props.onChange(event.target.value)}
        />
      ) : (
        <select
          {...shared}
          className="tb-Select"
          onChange={event => props.onChange(event.target.value)}
        >
          {param.default === null && value === null && <option value="" />}
          {param.choices.map(choice => (
            <option key={choice}>{choice}</option>
          ))}
        </select>
      )}
      <span className="tb-Quiet" id={`${id}-type`}>
        {param.type}
        {value !== null && param.default !== null && `, default ${param.default}`}
      </span>
      {fault !== null && (
        <span className="tb-Params-fault" id={`${id}-fault`} role="alert">
          {sentence(fault)}
        </span>
      )}
    </div>
  );
}
