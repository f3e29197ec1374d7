import { Component, type ReactNode } from 'react';

import { Notice } from './Problem';

/** Keeps a fault in one view from leaving the user with an empty one. */
export class Boundary extends Component<{ children: ReactNode }, { fault: string | null }> {
  override state = { fault: null };

  static getDerivedStateFromError(error: unknown): { fault: string } {
    return { fault: String(error) };
  }

  override render(): ReactNode {
    const { fault } = this.state;
    if (fault === null) {
      return this.props.children;
    }
    return (
      <Notice tone="bad" title="Trackbook cannot draw this view">
        {`${String(fault)}. Reload the page; if it stays, please report it with the output of "trackbook doctor".`}
      </Notice>
    );
  }
}
