/** The chips of one cell: buttons on the upper edge of its input, made without React as there may be hundreds. */

import { type IChip, labelOf, meaningOf } from './rules';

export class Chips {
  constructor(
    readonly host: HTMLElement,
    private readonly _onOpen: (button: HTMLElement) => void
  ) {
    this._node.className = 'tb-Steps';
    for (const name of ['mousedown', 'keydown', 'dblclick'] as const) {
      // The notebook would take these for its own: select the cell, begin to edit it.
      this._node.addEventListener(name, stop);
    }
    host.classList.add('tb-Stepped');
    host.append(this._node);
  }

  show(chips: readonly IChip[]): void {
    const key = JSON.stringify(chips);
    if (key !== this._key) {
      this._key = key;
      const focused = this._node.contains(document.activeElement);
      this._node.replaceChildren(...chips.map(chip => this._chip(chip)));
      const step = chips.find(chip => chip.tag.startsWith('step:'));
      colour(this.host, step?.colour ?? null);
      if (focused) {
        this._node.querySelector('button')?.focus();
      }
    }
  }

  /** Where a menu of this cell opens. */
  get anchor(): HTMLElement {
    return this._node.querySelector('button') ?? this.host;
  }

  dispose(): void {
    this._node.remove();
    this.host.classList.remove('tb-Stepped');
    colour(this.host, null);
  }

  private _chip(chip: IChip): HTMLElement {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = `tb-Step${chip.inherited ? ' tb-mod-inherited' : ''}`;
    colour(button, chip.colour);
    button.textContent = chip.text;
    button.ariaLabel = labelOf(chip);
    button.ariaHasPopup = 'menu';
    button.title = meaningOf(chip);
    button.addEventListener('click', event => {
      event.stopPropagation();
      this._onOpen(button);
    });
    return button;
  }

  private readonly _node = document.createElement('div');
  private _key = '';
}

function colour(node: HTMLElement, number: number | null): void {
  if (number === null) {
    delete node.dataset['tbColour'];
  } else {
    node.dataset['tbColour'] = String(number);
  }
}

function stop(event: Event): void {
  if (!(event instanceof KeyboardEvent) || event.key === 'Enter' || event.key === ' ') {
    event.stopPropagation();
  }
}
