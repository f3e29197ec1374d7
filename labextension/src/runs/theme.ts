/** The grid's colours and fonts, taken from JupyterLab's variables: a canvas does not follow style sheets. */

import type { DataGrid } from '@lumino/datagrid';

import type { ILook } from '../format';

export interface ITheme {
  readonly font: string;
  readonly bold: string;
  readonly head: string;
  readonly text: string;
  readonly quiet: string;
  readonly line: string;
  readonly ground: string;
  readonly headGround: string;
  readonly hover: string;
  readonly selected: string;
  readonly focus: string;
  readonly tones: Readonly<Record<ILook['tone'], string>>;
}

/** Read the theme at a node that is in the page. */
export function readTheme(node: HTMLElement): ITheme {
  const probe = document.createElement('span');
  node.appendChild(probe);
  // The browser resolves variables and mixtures to a colour that a canvas understands.
  const color = (css: string): string => {
    probe.style.color = css;
    return getComputedStyle(probe).color;
  };
  const ink = (tone: string): string =>
    color(`color-mix(in srgb, var(${tone}) 62%, var(--jp-ui-font-color0))`);
  const family = getComputedStyle(node).fontFamily;
  const brand = 'var(--jp-brand-color1)';
  const theme = {
    font: `13px ${family}`,
    bold: `500 13px ${family}`,
    head: `500 12px ${family}`,
    text: color('var(--jp-ui-font-color1)'),
    quiet: color('var(--jp-ui-font-color2)'),
    line: color('var(--jp-border-color3)'),
    ground: color('var(--jp-layout-color1)'),
    headGround: color('var(--jp-layout-color2)'),
    hover: color('color-mix(in srgb, var(--jp-layout-color2) 70%, var(--jp-layout-color1))'),
    selected: color(`color-mix(in srgb, ${brand} 18%, var(--jp-layout-color1))`),
    focus: color(brand),
    tones: {
      good: ink('--jp-success-color1'),
      bad: ink('--jp-error-color1'),
      warn: ink('--jp-warn-color1'),
      busy: ink('--jp-brand-color1'),
      quiet: color('var(--jp-ui-font-color2)')
    }
  };
  probe.remove();
  return theme;
}

export function gridStyle(theme: ITheme): DataGrid.Style {
  const clear = 'rgba(0, 0, 0, 0)';
  return {
    voidColor: theme.ground,
    backgroundColor: theme.ground,
    gridLineColor: clear,
    horizontalGridLineColor: theme.line,
    verticalGridLineColor: clear,
    headerBackgroundColor: theme.headGround,
    headerGridLineColor: theme.line,
    headerVerticalGridLineColor: theme.line,
    headerHorizontalGridLineColor: theme.line,
    scrollShadow: { size: 8, color1: 'rgba(0,0,0,0.12)', color2: 'rgba(0,0,0,0.05)', color3: clear }
  };
}
