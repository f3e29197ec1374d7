/** What the components share: the model's state, the clock and the arrow keys. */

import {
  type KeyboardEvent,
  type RefObject,
  useEffect,
  useState,
  useSyncExternalStore
} from 'react';

import type { ApiError } from '../api';
import { asApiError, type IState, type TrackbookModel } from '../model';

/** The model's state, drawn again whenever it changes. */
export function useModel(model: TrackbookModel): IState {
  return useSyncExternalStore(
    notify => {
      model.changed.connect(notify);
      return () => model.changed.disconnect(notify);
    },
    () => model.state
  );
}

/** The time in milliseconds, renewed so that "3 min ago" stays true. */
export function useNow(interval: number): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), interval);
    return () => clearInterval(timer);
  }, [interval]);
  return now;
}

export interface ILoaded<T> {
  readonly value: T | null;
  readonly error: ApiError | null;
}

/**
 * What `load` answers; asked again every `interval` milliseconds as long as `again` says so, and at once when one of
 * `asked` is another: until the answer has come, the one before stays.
 */
export function useLoaded<T>(
  load: () => Promise<T>,
  again: (value: T) => boolean,
  interval = 1000,
  asked: readonly unknown[] = []
): ILoaded<T> {
  const [loaded, setLoaded] = useState<ILoaded<T>>({ value: null, error: null });
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let stopped = false;
    const ask = async (): Promise<void> => {
      const next = await load().then(
        value => ({ value, error: null }),
        (reason: unknown) => ({ value: null, error: asApiError(reason) })
      );
      if (!stopped) {
        setLoaded(next);
        // A server that has restarted knows the project again as soon as its notebook is announced.
        const forgotten = next.error?.code === 'unknown_project';
        if (forgotten || (next.value !== null && again(next.value))) {
          timer = setTimeout(() => void ask(), interval);
        }
      }
    };
    void ask();
    return () => {
      stopped = true;
      clearTimeout(timer);
    };
  }, asked);
  return loaded;
}

/** Up and down, Home and End move the focus between the rows of a list. */
export function moveFocus(event: KeyboardEvent<HTMLElement>): void {
  const rows = [...event.currentTarget.querySelectorAll<HTMLElement>('[data-row]')];
  const here = rows.findIndex(row => row === document.activeElement);
  const targets: Record<string, number> = {
    ArrowDown: here + 1,
    ArrowUp: here - 1,
    Home: 0,
    End: rows.length - 1
  };
  const target = rows[targets[event.key] ?? -1];
  if (here >= 0 && target) {
    event.preventDefault();
    target.focus();
  }
}

/** A value, once it has stayed the same for so many milliseconds. */
export function useSettled<T>(value: T, pause: number): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), pause);
    return () => clearTimeout(timer);
  }, [value, pause]);
  return settled;
}

/** How wide an element is, also when it changes; 0 until it is known. */
export function useWidth(node: RefObject<HTMLElement>): number {
  const [width, setWidth] = useState(0);
  useEffect(() => {
    if (node.current === null) {
      return undefined;
    }
    const observer = new ResizeObserver(([entry]) => setWidth(entry?.contentRect.width ?? 0));
    observer.observe(node.current);
    return () => observer.disconnect();
  }, []);
  return width;
}
