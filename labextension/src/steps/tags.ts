/** The tags of cells, read from the notebook's model and written through it, so that undo takes them back. */

import type { Notebook } from '@jupyterlab/notebook';

import type { ICellText } from './rules';

type CellModel = Notebook['widgets'][number]['model'];

export function tagsOf(model: CellModel): readonly string[] {
  const tags: unknown = model.getMetadata('tags');
  return Array.isArray(tags) ? tags.filter(tag => typeof tag === 'string') : [];
}

/** What a cell says about its place. */
export function textOf(model: CellModel): ICellText {
  return { tags: tagsOf(model), source: model.sharedModel.getSource() };
}

/** The code cells that are selected, the active one among them. */
export function selectedCells(notebook: Notebook): readonly CellModel[] {
  return notebook.widgets
    .filter(widget => notebook.isSelectedOrActive(widget))
    .map(widget => widget.model)
    .filter(model => model.type === 'code');
}

/** Change the tags of the selected code cells in one undoable step; nothing else of the notebook changes. */
export function changeTags(
  notebook: Notebook,
  change: (tags: readonly string[]) => readonly string[]
): void {
  const shared = notebook.model?.sharedModel;
  shared?.transact(() => {
    for (const model of selectedCells(notebook)) {
      const tags = tagsOf(model);
      const changed = change(tags);
      if (changed.length === 0) {
        model.deleteMetadata('tags');
      } else if (changed.join('\n') !== tags.join('\n')) {
        model.setMetadata('tags', [...changed]);
      }
    }
  });
}
