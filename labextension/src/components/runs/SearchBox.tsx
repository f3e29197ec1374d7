import { type KeyboardEvent, useEffect, useId, useMemo, useRef, useState } from 'react';

import type { ApiError } from '../../api';
import { sentence } from '../../format';
import { accept, type ISuggestion, suggest } from '../../runs/completion';
import type { IRunKeys } from '../../runs/types';

interface ISearchBoxProps {
  readonly filter: string;
  readonly keys: IRunKeys | null;
  readonly problem: ApiError | null;
  readonly onFilter: (filter: string) => void;
}

/** Milliseconds after the last key until the filter is tried, and until it is told what is wrong with it. */
const PAUSE = 200;
const PATIENCE = 900;

/** The filter, with what can stand at the caret in a list under it, and what is wrong with it below. */
export function SearchBox(props: ISearchBoxProps): JSX.Element {
  const { keys } = props;
  const [text, setText] = useState(props.filter);
  const [caret, setCaret] = useState<number | null>(null);
  const [chosen, setChosen] = useState(-1);
  const [isWriting, setWriting] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const list = useId();
  const found = useMemo(
    () => (keys !== null && caret !== null ? suggest(text, caret, keys) : null),
    [text, caret, keys]
  );
  // A list that is open says that somebody is about to go on writing: what is there so far need not be a filter.
  const problem = isWriting || found !== null ? null : props.problem;
  useEffect(
    () => setText(now => (now.trim() === props.filter ? now : props.filter)),
    [props.filter]
  );
  useEffect(() => {
    const timer = setTimeout(() => props.onFilter(text), PAUSE);
    const patience = setTimeout(() => setWriting(false), PATIENCE);
    return () => {
      clearTimeout(timer);
      clearTimeout(patience);
    };
  }, [text]);

  const look = (): void => {
    setCaret(input.current?.selectionStart ?? null);
    setChosen(-1);
  };
  const take = (item: ISuggestion): void => {
    if (found && caret !== null) {
      const next = accept(text, caret, found.from, item);
      setText(next.text);
      setCaret(next.caret);
      setChosen(-1);
      requestAnimationFrame(() => input.current?.setSelectionRange(next.caret, next.caret));
    }
  };
  const apply = (): void => {
    setCaret(null);
    setWriting(false);
    props.onFilter(text);
  };
  const press = (event: KeyboardEvent<HTMLInputElement>): void => {
    const items = found?.items ?? [];
    const item = items[chosen] ?? (event.key === 'Tab' ? items[0] : undefined);
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      if (found === null) {
        look();
      } else {
        const step = event.key === 'ArrowDown' ? 1 : -1;
        setChosen((chosen + step + items.length + (chosen < 0 && step < 0 ? 1 : 0)) % items.length);
      }
    } else if ((event.key === 'Enter' || event.key === 'Tab') && item && chosen >= 0) {
      event.preventDefault();
      take(item);
    } else if (event.key === 'Enter') {
      apply();
    } else if (event.key === 'Escape' && found) {
      event.preventDefault();
      event.stopPropagation();
      setCaret(null);
    }
  };

  return (
    <div className="tb-Search">
      <input
        ref={input}
        className="tb-Filter"
        type="search"
        role="combobox"
        aria-label="Filter runs"
        aria-expanded={found !== null}
        aria-controls={list}
        aria-autocomplete="list"
        aria-activedescendant={chosen >= 0 ? `${list}-${chosen}` : undefined}
        aria-invalid={problem !== null}
        placeholder="Filter, e.g. metrics.r2 > 0.4 and params.model = 'ridge'"
        autoComplete="off"
        spellCheck={false}
        value={text}
        onChange={event => {
          setText(event.target.value);
          setWriting(true);
          setCaret(event.target.selectionStart);
          setChosen(-1);
        }}
        onClick={look}
        onBlur={apply}
        onKeyDown={press}
      />
      {found && <Suggestions id={list} items={found.items} chosen={chosen} onTake={take} />}
      {problem && <Fault message={problem.message} />}
    </div>
  );
}

/** What is wrong, with a pointer at the place: the server's message has the filter and the pointer under it. */
function Fault(props: { message: string }): JSX.Element {
  const [first = '', ...quoted] = props.message.split('\n');
  return (
    <div className="tb-Search-problem" role="alert">
      {sentence(first)}
      {quoted.length > 0 && <pre>{quoted.map(line => line.replace(/^ {2}/, '')).join('\n')}</pre>}
    </div>
  );
}

function Suggestions(props: {
  id: string;
  items: readonly ISuggestion[];
  chosen: number;
  onTake: (item: ISuggestion) => void;
}): JSX.Element {
  const list = useRef<HTMLUListElement>(null);
  useEffect(() => {
    void list.current?.children[props.chosen]?.scrollIntoView({ block: 'nearest' });
  }, [props.chosen]);
  return (
    <ul ref={list} className="tb-Suggestions" role="listbox" id={props.id} aria-label="Suggestions">
      {props.items.map((item, index) => (
        <li
          key={item.text}
          id={`${props.id}-${index}`}
          role="option"
          aria-selected={index === props.chosen}
          title={item.text}
          onMouseDown={event => {
            event.preventDefault();
            props.onTake(item);
          }}
        >
          <span className="tb-Suggestions-text">{item.text}</span>
          <span className="tb-Quiet">{item.detail}</span>
        </li>
      ))}
    </ul>
  );
}
