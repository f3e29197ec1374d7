/** One badge: a button on the lower edge of a cell's input, made without React as there may be hundreds. */

import type { IBadge } from './rules';

export class Badge {
  constructor(private readonly _host: HTMLElement) {
    this._sign.className = 'tb-Badge-sign';
    this._sign.ariaHidden = 'true';
    this._text.className = 'tb-Badge-text';
    this._node.type = 'button';
    this._node.append(this._sign, this._text);
    this._node.addEventListener('click', this._onClick);
    // The notebook would take these for its own: select the cell, begin to edit it.
    for (const name of ['mousedown', 'keydown'] as const) {
      this._node.addEventListener(name, stop);
    }
    _host.classList.add('tb-Badged');
    _host.append(this._node);
  }

  show(badge: IBadge, onOpen: () => void): void {
    this._open = onOpen;
    const key = `${badge.look.sign}\n${badge.label}\n${badge.tooltip}`;
    if (key !== this._key) {
      this._key = key;
      this._node.className = `tb-Badge tb-tone-${badge.look.tone}`;
      this._sign.textContent = badge.look.sign;
      this._text.textContent = badge.text;
      this._node.ariaLabel = badge.label;
      this._node.title = badge.tooltip;
    }
  }

  dispose(): void {
    this._node.remove();
    this._host.classList.remove('tb-Badged');
  }

  private readonly _onClick = (event: Event): void => {
    event.stopPropagation();
    this._open();
  };

  private readonly _node = document.createElement('button');
  private readonly _sign = document.createElement('span');
  private readonly _text = document.createElement('span');
  private _open: () => void = () => undefined;
  private _key = '';
}

function stop(event: Event): void {
  if (!(event instanceof KeyboardEvent) || event.key === 'Enter' || event.key === ' ') {
    event.stopPropagation();
  }
}
