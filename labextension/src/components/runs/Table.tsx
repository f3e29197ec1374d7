import type { IThemeManager } from '@jupyterlab/apputils';
import { MessageLoop } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';
import { useEffect, useRef } from 'react';

import type { RunsTable } from '../../runs/table';

/** Holds the grid in the page: gives it its size and the theme's colours. */
export function Table(props: { table: RunsTable; themes: IThemeManager | null }): JSX.Element {
  const host = useRef<HTMLDivElement>(null);
  const { table, themes } = props;
  useEffect(() => {
    const node = host.current;
    if (node === null) {
      return;
    }
    const { grid } = table;
    Widget.attach(grid, node);
    table.applyTheme();
    const observer = new ResizeObserver(() =>
      MessageLoop.sendMessage(grid, Widget.ResizeMessage.UnknownSize)
    );
    observer.observe(node);
    const follow = (): void => table.applyTheme();
    themes?.themeChanged.connect(follow);
    return () => {
      themes?.themeChanged.disconnect(follow);
      observer.disconnect();
      if (grid.isAttached) {
        Widget.detach(grid);
      }
    };
  }, [table, themes]);
  return <div className="tb-Runs-grid" ref={host} />;
}
