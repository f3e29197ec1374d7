import { refreshIcon } from '@jupyterlab/ui-components';

import type { ApiError, IDriftReportSummary, IRunSummary } from '../api';
import { baseName } from '../format';
import type { IState, TrackbookModel } from '../model';
import { DataSection } from './DataSection';
import { DriftSection } from './DriftSection';
import { useModel } from './hooks';
import { ModelsSection } from './ModelsSection';
import { PipelineSection } from './PipelineSection';
import { Problem } from './Problem';
import { RunsSection } from './RunsSection';

export interface IPanelProps {
  readonly model: TrackbookModel;
  readonly onOpenRun: (run: IRunSummary) => void;
  readonly onOpenRuns: (filter: string) => void;
  readonly onOpenPipeline: (path: string) => void;
  readonly onOpenDataset: (name: string) => void;
  readonly onOpenReport: (report: IDriftReportSummary) => void;
  readonly onOpenModel: (name: string) => void;
}

/** The whole side panel: which project, then its runs, models and drift reports. */
export function Panel(props: IPanelProps): JSX.Element {
  const { model } = props;
  const state = useModel(model);
  const common = commonProblem(state);
  const shown = common ? { ...state, problems: {} } : state;
  return (
    <>
      <header className="tb-Panel-header">
        <div className="tb-Panel-title" title={state.project?.root ?? ''}>
          <span className="tb-Panel-caption">Project</span>
          <span className="tb-Panel-project">
            {state.project ? baseName(state.project.root) : '…'}
          </span>
        </div>
        <button
          className="tb-IconButton"
          aria-label="Refresh Trackbook"
          title="Refresh Trackbook"
          onClick={() => void model.refresh()}
        >
          <refreshIcon.react tag="span" width="16px" height="16px" />
        </button>
      </header>
      <div className="tb-Panel-body">
        {common && <Problem error={common} />}
        {(!common || state.runs) && (
          <>
            <RunsSection
              model={model}
              state={shown}
              onOpen={props.onOpenRun}
              onOpenAll={props.onOpenRuns}
            />
            <PipelineSection state={shown} onOpen={props.onOpenPipeline} />
            <DataSection state={shown} onOpen={props.onOpenDataset} />
            <ModelsSection state={shown} onOpen={props.onOpenModel} />
            <DriftSection state={shown} onOpen={props.onOpenReport} />
          </>
        )}
      </div>
    </>
  );
}

/** One failure behind all lists is said once. */
function commonProblem(state: IState): ApiError | null {
  const { runs, data, models, drift } = state.problems;
  const same = runs && [data, models, drift].every(other => other?.code === runs.code);
  return same ? runs : null;
}
