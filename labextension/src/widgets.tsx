/** The Lumino widgets that JupyterLab places; what they show is in `components/`. */

import { type IThemeManager, MainAreaWidget } from '@jupyterlab/apputils';
import { ReactWidget, UseSignal } from '@jupyterlab/ui-components';

import { Boundary } from './components/Boundary';
import { DriftDocument, type IDriftDocumentProps } from './components/DriftDocument';
import { type IPanelProps, Panel } from './components/Panel';
import { type IRunDocumentProps, RunDocument } from './components/RunDocument';
import { trackbookIcon } from './icons';
import { PANEL_ID } from './tokens';

/** The side panel; the model works only while the panel can be seen. */
export class TrackbookPanel extends ReactWidget {
  constructor(private readonly _props: IPanelProps) {
    super();
    this.id = PANEL_ID;
    this.title.icon = trackbookIcon;
    this.title.caption = 'Trackbook';
    this.addClass('tb-Panel');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', 'Trackbook');
  }

  protected override onAfterShow(): void {
    this._props.model.visible = true;
  }

  protected override onAfterHide(): void {
    this._props.model.visible = false;
  }

  protected override render(): JSX.Element {
    return (
      <Boundary>
        <Panel {...this._props} />
      </Boundary>
    );
  }
}

/** A run in the main area. */
export function makeRunDocument(props: IRunDocumentProps, name: string): MainAreaWidget {
  return makeDocument(<RunDocument {...props} />, `run-${props.runId}`, name);
}

/** A drift report in the main area; its pictures follow the theme. */
export function makeDriftDocument(
  props: Omit<IDriftDocumentProps, 'theme'>,
  themes: IThemeManager | null,
  name: string
): MainAreaWidget {
  const content = themes ? (
    <UseSignal signal={themes.themeChanged}>
      {() => <DriftDocument {...props} theme={themes.theme} />}
    </UseSignal>
  ) : (
    <DriftDocument {...props} theme={null} />
  );
  return makeDocument(content, `drift-report-${props.reportId}`, name);
}

function makeDocument(view: JSX.Element, id: string, name: string): MainAreaWidget {
  const content = ReactWidget.create(<Boundary>{view}</Boundary>);
  content.addClass('tb-Page');
  const widget = new MainAreaWidget({ content });
  widget.toolbar.hide();
  widget.id = `trackbook-${id}`;
  widget.title.label = name;
  widget.title.caption = name;
  widget.title.icon = trackbookIcon;
  widget.title.closable = true;
  return widget;
}
