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
  const ink = (tone: string): string =>
    `color-mix(in srgb, var(${tone}) 62%, var(--jp-ui-font-color0))`;
  const brand = 'var(--jp-brand-color1)';
  const colors = resolve(node, {
    text: 'var(--jp-ui-font-color1)',
    quiet: 'var(--jp-ui-font-color2)',
    line: 'var(--jp-border-color3)',
    ground: 'var(--jp-layout-color1)',
    headGround: 'var(--jp-layout-color2)',
    hover: 'color-mix(in srgb, var(--jp-layout-color2) 70%, var(--jp-layout-color1))',
    selected: `color-mix(in srgb, ${brand} 18%, var(--jp-layout-color1))`,
    focus: brand,
    good: ink('--jp-success-color1'),
    bad: ink('--jp-error-color1'),
    warn: ink('--jp-warn-color1'),
    busy: ink('--jp-brand-color1')
  });
  const { good, bad, warn, busy, ...rest } = colors;
  const family = getComputedStyle(node).fontFamily;
  return {
    font: `13px ${family}`,
    bold: `500 13px ${family}`,
    head: `500 12px ${family}`,
    ...rest,
    tones: { good, bad, warn, busy, quiet: colors.quiet }
  };
}

/** The browser resolves variables and mixtures to colours that a canvas understands: all at once, as it styles a page. */
function resolve<K extends string>(
  node: HTMLElement,
  colors: Readonly<Record<K, string>>
): Record<K, string> {
  const holder = document.createElement('div');
  const probes = Object.entries<string>(colors).map(([name, color]) => {
    const probe = holder.appendChild(document.createElement('span'));
    probe.style.color = color;
    return [name, probe] as const;
  });
  node.appendChild(holder);
  const found = probes.map(([name, probe]) => [name, getComputedStyle(probe).color]);
  holder.remove();
  return Object.fromEntries(found) as Record<K, string>;
}

export function gridStyle(theme: ITheme): DataGrid.Style {
  const clear = 'rgba(0, 0, 0, 0)';
  return {
    voidColor: theme.ground,
    backgroundColor: '',
    horizontalGridLineColor: theme.line,
    verticalGridLineColor: '',
    headerBackgroundColor: theme.headGround,
    headerGridLineColor: theme.line,
    headerVerticalGridLineColor: theme.line,
    headerHorizontalGridLineColor: theme.line,
    scrollShadow: { size: 8, color1: 'rgba(0,0,0,0.12)', color2: 'rgba(0,0,0,0.05)', color3: clear }
  };
}
