/** The Lumino widgets that JupyterLab places; what they show is in `components/`. */

import { type IThemeManager, MainAreaWidget } from '@jupyterlab/apputils';
import { ReactWidget, UseSignal } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';

import { Boundary } from './components/Boundary';
import { CompareDocument, type ICompareDocumentProps } from './components/compare/CompareDocument';
import { DatasetDocument, type IDatasetDocumentProps } from './components/datasets/DatasetDocument';
import { DriftDocument, type IDriftDocumentProps } from './components/DriftDocument';
import { type IPanelProps, Panel } from './components/Panel';
import { type IModelDocumentProps, ModelDocument } from './components/models/ModelDocument';
import {
  type IPipelineDocumentProps,
  PipelineDocument
} from './components/pipeline/PipelineDocument';
import { type IRunDocumentProps, RunDocument } from './components/RunDocument';
import { type IRunsDocumentProps, RunsDocument } from './components/runs/RunsDocument';
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

/** A run in the main area; its pictures follow the theme. */
export function makeRunDocument(
  props: Themeless<IRunDocumentProps>,
  themes: IThemeManager | null,
  id: string,
  name: string
): MainAreaWidget {
  return makeThemed(themes, theme => <RunDocument {...props} theme={theme} />, id, name);
}

export function makeCompareDocument(
  props: Themeless<ICompareDocumentProps>,
  themes: IThemeManager | null,
  id: string,
  name: string
): MainAreaWidget {
  return makeThemed(themes, theme => <CompareDocument {...props} theme={theme} />, id, name);
}

export function makeDriftDocument(
  props: Themeless<IDriftDocumentProps>,
  themes: IThemeManager | null,
  id: string,
  name: string
): MainAreaWidget {
  return makeThemed(themes, theme => <DriftDocument {...props} theme={theme} />, id, name);
}

export function makeDatasetDocument(
  props: IDatasetDocumentProps,
  id: string,
  name: string
): MainAreaWidget {
  return makeDocument(<DatasetDocument {...props} />, id, name);
}

export function makeModelDocument(
  props: IModelDocumentProps,
  id: string,
  name: string
): MainAreaWidget {
  return makeDocument(<ModelDocument {...props} />, id, name);
}

export function makePipelineDocument(
  props: Themeless<IPipelineDocumentProps>,
  themes: IThemeManager | null,
  id: string,
  name: string
): MainAreaWidget {
  return makeThemed(themes, theme => <PipelineDocument {...props} theme={theme} />, id, name);
}

type Themeless<T> = Omit<T, 'theme'>;

function makeThemed(
  themes: IThemeManager | null,
  draw: (theme: string | null) => JSX.Element,
  id: string,
  name: string
): MainAreaWidget {
  const view = themes ? (
    <UseSignal signal={themes.themeChanged}>{() => draw(themes.theme)}</UseSignal>
  ) : (
    draw(null)
  );
  return makeDocument(view, id, name);
}

/** All runs of a project; the server is asked only while they can be seen. */
class RunsPage extends ReactWidget {
  constructor(private readonly _props: IRunsDocumentProps) {
    super();
    this.addClass('tb-mod-full');
  }

  override dispose(): void {
    if (!this.isDisposed) {
      super.dispose();
      this._props.model.dispose();
    }
  }

  protected override onAfterAttach(msg: Message): void {
    super.onAfterAttach(msg);
    this._props.model.source.visible = this.isVisible;
  }

  protected override onAfterShow(): void {
    this._props.model.source.visible = true;
  }

  protected override onAfterHide(): void {
    this._props.model.source.visible = false;
  }

  protected override onActivateRequest(): void {
    this._props.model.table.focus();
  }

  protected override render(): JSX.Element {
    return (
      <Boundary>
        <RunsDocument {...this._props} />
      </Boundary>
    );
  }
}

export function makeRunsDocument(props: IRunsDocumentProps, id: string): MainAreaWidget {
  return inMainArea(new RunsPage(props), id, 'Runs');
}

function makeDocument(view: JSX.Element, id: string, name: string): MainAreaWidget {
  return inMainArea(ReactWidget.create(<Boundary>{view}</Boundary>), id, name);
}

function inMainArea(content: ReactWidget, id: string, name: string): MainAreaWidget {
  content.addClass('tb-Page');
  const widget = new MainAreaWidget({ content });
  widget.toolbar.hide();
  widget.id = id;
  widget.title.label = name;
  widget.title.caption = name;
  widget.title.icon = trackbookIcon;
  widget.title.closable = true;
  return widget;
}
