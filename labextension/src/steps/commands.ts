/** The commands that tag cells, the menu of a chip, and their keys. */

import type { JupyterFrontEnd } from '@jupyterlab/application';
import { type ICommandPalette, InputDialog, showErrorMessage } from '@jupyterlab/apputils';
import type { INotebookTracker, Notebook } from '@jupyterlab/notebook';
import { MenuSvg } from '@jupyterlab/ui-components';
import { CommandIDs } from '../tokens';
import {
  asStepName,
  cleared,
  FLAGS,
  isStepName,
  meaning,
  type Role,
  roleOf,
  ROLES,
  stepNames,
  stepOf,
  toggled,
  withRole,
  withStep,
  WORDS
} from './rules';
import { changeTags, selectedCells, textOf } from './tags';

const NOTEBOOK = '.jp-Notebook.jp-mod-commandMode:not(.jp-mod-readWrite) :focus';
const PALETTE = 'Trackbook';

type Anchor = (notebook: Notebook) => HTMLElement;

export function addStepCommands(
  app: JupyterFrontEnd,
  notebooks: INotebookTracker,
  palette: ICommandPalette | null,
  anchor: Anchor
): void {
  const { commands } = app;
  const current = (): Notebook | null => notebooks.currentWidget?.content ?? null;
  const isEnabled = (): boolean => {
    const notebook = current();
    return notebook !== null && selectedCells(notebook).length > 0;
  };
  const every = (test: (tags: readonly string[]) => boolean): boolean => {
    const notebook = current();
    const cells = notebook === null ? [] : selectedCells(notebook);
    return cells.length > 0 && cells.every(cell => test(meaning(textOf(cell))));
  };
  const change = (edit: (tags: readonly string[]) => readonly string[]): void => {
    const notebook = current();
    if (notebook !== null) {
      changeTags(notebook, edit);
    }
  };

  commands.addCommand(CommandIDs.setStep, {
    label: args => String(args['step'] ?? ''),
    caption: args => `Put the cell into the step ${String(args['step'])}`,
    isEnabled,
    isToggled: args => every(tags => stepOf(tags) === args['step']),
    execute: args => change(tags => withStep(tags, String(args['step'])))
  });
  commands.addCommand(CommandIDs.newStep, {
    label: args => (args['menu'] ? 'New Step…' : 'Trackbook: Put Cell into New Step…'),
    isEnabled,
    execute: async () => {
      const name = await askName();
      if (name !== null) {
        change(tags => withStep(tags, name));
      }
    }
  });
  commands.addCommand(CommandIDs.toggleTag, {
    label: args => {
      const tag = String(args['tag']);
      const word = WORDS[tag] ?? tag.replace(/^after:/, '');
      return args['menu'] ? word : `Trackbook: Tag Cell as ${word}`;
    },
    isEnabled,
    isToggled: args => every(tags => tags.includes(String(args['tag']))),
    execute: args => {
      const tag = String(args['tag']);
      const isRole = (ROLES as readonly string[]).includes(tag);
      change(tags => (isRole ? withRole(tags, tag as Role) : toggled(tags, tag)));
    }
  });
  commands.addCommand(CommandIDs.clearTags, {
    label: args => (args['menu'] ? 'Remove from Pipeline' : 'Trackbook: Remove Step Tags of Cell'),
    isEnabled: () => isEnabled() && !every(tags => cleared(tags).length === tags.length),
    execute: () => change(cleared)
  });
  commands.addCommand(CommandIDs.stepMenu, {
    label: args => (args['isPalette'] ? 'Trackbook: Set Step of Cell…' : 'Step of Cell…'),
    isEnabled,
    execute: () => {
      const notebook = current();
      if (notebook !== null) {
        openStepMenu(app, notebook, anchor(notebook));
      }
    }
  });
  commands.addKeyBinding({ command: CommandIDs.stepMenu, keys: ['T'], selector: NOTEBOOK });
  app.contextMenu.addItem({
    command: CommandIDs.stepMenu,
    selector: '.jp-Notebook .jp-CodeCell',
    rank: 9.5
  });
  for (const command of [CommandIDs.stepMenu, CommandIDs.newStep, CommandIDs.clearTags]) {
    palette?.addItem({ command, args: { isPalette: true }, category: PALETTE });
  }
  for (const tag of [...ROLES, ...FLAGS]) {
    palette?.addItem({ command: CommandIDs.toggleTag, args: { tag }, category: PALETTE });
  }
}

/** The steps there are, a new one, the other places of a cell, and what can be said of a step besides. */
export function openStepMenu(app: JupyterFrontEnd, notebook: Notebook, anchor: HTMLElement): void {
  const { commands } = app;
  const cells = (notebook.model ? notebook.widgets : [])
    .filter(widget => widget.model.type === 'code')
    .map(widget => textOf(widget.model));
  const names = stepNames(cells);
  const mine = selectedCells(notebook).map(cell => meaning(textOf(cell)));
  const menu = new MenuSvg({ commands });
  menu.addClass('tb-StepMenu');
  menu.title.label = 'Step of the cell';
  for (const step of names) {
    menu.addItem({ command: CommandIDs.setStep, args: { step } });
  }
  menu.addItem({ command: CommandIDs.newStep, args: { menu: true } });
  menu.addItem({ type: 'separator' });
  for (const tag of ROLES) {
    menu.addItem({ command: CommandIDs.toggleTag, args: { tag, menu: true } });
  }
  menu.addItem({ type: 'separator' });
  const others = names.filter(name => !mine.some(tags => stepOf(tags) === name));
  if (others.length > 0 && mine.some(tags => roleOf(tags) === null)) {
    const after = new MenuSvg({ commands });
    after.title.label = 'After';
    for (const name of others) {
      after.addItem({
        command: CommandIDs.toggleTag,
        args: { tag: `after:${name}`, menu: true }
      });
    }
    menu.addItem({ type: 'submenu', submenu: after });
  }
  for (const tag of FLAGS) {
    menu.addItem({ command: CommandIDs.toggleTag, args: { tag, menu: true } });
  }
  menu.addItem({ type: 'separator' });
  menu.addItem({ command: CommandIDs.clearTags, args: { menu: true } });
  const focused = document.activeElement;
  menu.aboutToClose.connect(() => {
    if (focused instanceof HTMLElement) {
      focused.focus();
    }
  });
  const { left, bottom, top } = anchor.getBoundingClientRect();
  menu.open(left, anchor.matches('button') ? bottom + 2 : top + 8);
  menu.activeIndex = Math.max(
    0,
    names.findIndex(name => mine.some(tags => stepOf(tags) === name))
  );
}

async function askName(): Promise<string | null> {
  const asked = await InputDialog.getText({
    title: 'New step',
    label: 'Its name becomes the name of a function, as load_data',
    okLabel: 'Put cell into step'
  });
  const text = asked.button.accept ? (asked.value ?? '').trim() : '';
  if (text === '') {
    return null;
  }
  if (!isStepName(text)) {
    const better = asStepName(text);
    await showErrorMessage(
      'This cannot name a step',
      `${text} cannot name a Python function${better ? `; write ${better}` : ''}.`
    );
    return null;
  }
  return text;
}
